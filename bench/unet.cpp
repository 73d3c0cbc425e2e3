// Times the training step of a 3D U-Net (32-64-128-256 channels, batch 1, float32) and each of its
// convolutions: forward and both gradients, against the machine's measured peak.
//
//   bench_unet [--size N] [--repeats N] [--no-layers] [--algorithm NAME] [--json FILE] | --peaks
#include <voxgrad/ops/conv.h>
#include <voxgrad/ops/cpu/blas.h>
#include <voxgrad/voxgrad.h>

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "bench/support/peak.h"
#include "bench/support/timing.h"

namespace voxgrad::bench {
namespace {

struct Options {
  Index size = 64;
  int repeats = 7;
  bool layers = true;
  bool peaks = false;  // nothing else
  std::string json;
};

/// One convolution of the network; a transposed one has stride 2, and then x is its output.
struct Layer {
  const char* name;
  Index x_channels, y_channels, kernel, stride, x_size;
  bool transposed;
};

std::vector<Layer> layers_of(Index n) {
  const std::vector<Index> width = {32, 64, 128, 256};
  std::vector<Layer> layers = {{"level 0, first", 1, 32, 3, 1, n, false}};
  const auto block = [&](const char* name, Index from, Index to, Index size) {
    layers.push_back({name, from, to, 3, 1, size, false});
  };
  block("level 0", 32, 32, n);
  block("level 1, first", 32, 64, n / 2);
  block("level 1", 64, 64, n / 2);
  block("level 2, first", 64, 128, n / 4);
  block("level 2", 128, 128, n / 4);
  block("level 3, first", 128, 256, n / 8);
  block("level 3", 256, 256, n / 8);
  layers.push_back({"up to 2", 128, 256, 2, 2, n / 4, true});
  block("decoder 2, first", 256, 128, n / 4);
  block("decoder 2", 128, 128, n / 4);
  layers.push_back({"up to 1", 64, 128, 2, 2, n / 2, true});
  block("decoder 1, first", 128, 64, n / 2);
  block("decoder 1", 64, 64, n / 2);
  layers.push_back({"up to 0", 32, 64, 2, 2, n, true});
  block("decoder 0, first", 64, 32, n);
  block("decoder 0", 32, 32, n);
  layers.push_back({"head", 32, 2, 1, 1, n, false});
  return layers;
}

ConvGeometry geometry_of(const Layer& layer) {
  const Index n = layer.x_size;
  const Shape x = {1, layer.x_channels, n, n, n};
  const Shape w = {layer.y_channels, layer.x_channels, layer.kernel, layer.kernel, layer.kernel};
  const Index padding = layer.stride == 1 ? layer.kernel / 2 : 0;
  return conv_geometry(x, w, {.stride = layer.stride, .padding = padding});
}

/// Multiplications and additions of one slot.
double flops_of(const ConvGeometry& g) {
  return 2.0 * double(g.batch * g.y_size() * g.taps()) * double(g.y_channels) *
         double(g.x_group_channels());
}

/// Forward and both gradients of every layer; no input gradient for the image.
double step_flops(Index n) {
  double flops = 0;
  for (const Layer& layer : layers_of(n))
    flops += flops_of(geometry_of(layer)) * (layer.x_channels == 1 ? 2 : 3);
  return flops;
}

struct StepResult {
  Times times;
  double gigabytes = 0;
  double loss = 0;
};

StepResult time_step(const Options& options) {
  manual_seed(0);
  nn::UNet3d net({.channels = {32, 64, 128, 256},
                  .norm = nn::UNetNorm::batch,
                  .activation = nn::UNetActivation::relu});
  optim::SGD optimizer(net.parameters(), {.learning_rate = 1e-3, .momentum = 0.9});
  const Index n = options.size;
  const Tensor image = rand({1, 1, n, n, n});
  const Tensor labels = randint(0, 2, {1, n, n, n});
  StepResult result;
  backend({}).reset_peak_memory_stats();
  result.times = measure(options.repeats, [&] {
    optimizer.zero_grad();
    const Tensor loss = cross_entropy(net(image), labels);
    loss.backward();
    optimizer.step();
    result.loss = loss.item();
  });
  result.gigabytes = double(backend({}).memory_stats().peak) * 1e-9;
  return result;
}

struct LayerResult {
  Times forward, input_gradient, weight_gradient;
};

LayerResult time_layer(const Layer& layer, int repeats) {
  const ConvGeometry g = geometry_of(layer);
  const Tensor x = randn(slot_shape(g, Slot::x)).channels_last();
  const Tensor y = randn(slot_shape(g, Slot::y)).channels_last();
  const Tensor w = randn(slot_shape(g, Slot::w));
  const auto time = [&](Slot slot) {
    ops::ConvOperands operands{&x, &w, &y};
    (slot == Slot::x ? operands.x : slot == Slot::w ? operands.w : operands.y) = nullptr;
    return measure(repeats, [&] { ops::conv_partial(slot, g, operands); });
  };
  const Slot forward = layer.transposed ? Slot::x : Slot::y;
  const Slot backward = layer.transposed ? Slot::y : Slot::x;
  return {time(forward), layer.x_channels == 1 ? Times{} : time(backward), time(Slot::w)};
}

/// As JSON: seconds, and the share of the FMA peak; null for what was not timed.
std::string to_json(const Times& times, double gflop, double peak) {
  if (times.minimum == 0) return "null";
  return fmt::format("{{\"minimum\": {}, \"median\": {}, \"of_peak\": {:.4f}}}", times.minimum,
                     times.median, gflop / peak / times.minimum);
}

/// Prints them as they come. Returns them as a list of JSON.
std::string print_layers(const Options& options, double peak) {
  std::vector<std::string> list;
  fmt::print("\n{:<18}{:>14}{:>8}   {:^21}{:^21}{:^21}\n", "layer", "channels", "GFLOP", "forward",
             "input gradient", "weight gradient");
  fmt::print("{:<40}   {:^21}{:^21}{:^21}\n", "", "min ms, of peak", "min ms, of peak",
             "min ms, of peak");
  for (const Layer& layer : layers_of(options.size)) {
    const LayerResult result = time_layer(layer, options.repeats);
    const double gflop = flops_of(geometry_of(layer)) * 1e-9;
    const Index from = layer.transposed ? layer.y_channels : layer.x_channels;
    const Index to = layer.transposed ? layer.x_channels : layer.y_channels;
    fmt::print("{:<18}{:>14}{:>8.2f}   ", layer.name, fmt::format("{} -> {}", from, to), gflop);
    for (const Times& times : {result.forward, result.input_gradient, result.weight_gradient}) {
      const double share = 100 * gflop / peak / times.minimum;
      fmt::print("{:^21}", times.minimum == 0
                               ? std::string("-")
                               : fmt::format("{:7.2f}  {:3.0f} %", times.minimum * 1e3, share));
    }
    fmt::print("\n");
    list.push_back(fmt::format(
        "{{\"name\": \"{}\", \"from\": {}, \"to\": {}, \"gflop\": {}, \"forward\": {}, "
        "\"input_gradient\": {}, \"weight_gradient\": {}}}",
        layer.name, from, to, gflop, to_json(result.forward, gflop, peak),
        to_json(result.input_gradient, gflop, peak), to_json(result.weight_gradient, gflop, peak)));
  }
  return fmt::format("[{}]", fmt::join(list, ", "));
}

constexpr const char* kUsage =
    "bench_unet [--size N] [--repeats N] [--no-layers] [--algorithm NAME] [--json FILE] | --peaks\n"
    "  --size N     edge of the volume, a multiple of 8 from 16 on (default 64)\n"
    "  --repeats N  timed runs of each figure, at least 1 (default 7)\n"
    "  --no-layers  the step alone\n"
    "  --algorithm NAME  this one for every convolution that it supports, say direct\n"
    "  --json FILE  all figures as JSON, in seconds and shares of the peak\n"
    "  --peaks      nothing but the machine's measured peaks, as JSON; goes with no other option\n";

[[noreturn]] void refuse(std::string_view message) {
  fmt::print(stderr, "bench_unet: {}\n", message);
  std::exit(2);
}

Index number(std::string_view text) {
  Index result = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), result);
  return error == std::errc() && end == text.data() + text.size() ? result : -1;
}

/// Ends the program when a file cannot be made there, before anything is timed.
void check_folder_of(const std::string& file) {
  const std::filesystem::path folder = std::filesystem::path(file).parent_path();
  if (file.empty()) refuse("--json needs the name of a file");
  if (!folder.empty() && !std::filesystem::is_directory(folder))
    refuse(fmt::format("--json: there is no folder {}", folder.string()));
}

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    const auto value = [&] { return i + 1 < argc ? argv[++i] : ""; };
    if (name == "--size") {
      options.size = number(value());
      if (options.size < 16 || options.size % 8 != 0)
        refuse(fmt::format("--size must be a multiple of 8 and at least 16; got {}", options.size));
    } else if (name == "--repeats") {
      options.repeats = static_cast<int>(std::min<Index>(number(value()), 1'000'000));
      if (options.repeats < 1)
        refuse(fmt::format("--repeats must be at least 1; got {}", options.repeats));
    } else if (name == "--no-layers") {
      options.layers = false;
    } else if (name == "--algorithm") {
      force_conv_algorithm(value());
    } else if (name == "--peaks") {
      options.peaks = true;
    } else if (name == "--json") {
      options.json = value();
      check_folder_of(options.json);
    } else {
      const bool help = name == "--help" || name == "-h";
      if (!help) fmt::print(stderr, "bench_unet: no option '{}'\n", name);
      fmt::print(help ? stdout : stderr, "{}", kUsage);
      std::exit(help ? 0 : 2);
    }
  }
  if (options.peaks && argc != 2) refuse("--peaks takes no other options");
  return options;
}

void print_peaks() {
  fmt::print(
      "{{\"fma_gflops\": {:.1f}, \"copy_gigabytes_per_second\": {:.2f}, "
      "\"read_gigabytes_per_second\": {:.2f}, \"threads\": {}}}\n",
      fma_peak_gflops(num_threads()), copy_gigabytes_per_second(), read_gigabytes_per_second(),
      num_threads());
}

void run(const Options& options) {
  if (options.peaks) return print_peaks();
  const double peak = fma_peak_gflops(num_threads());
  fmt::print("voxgrad {}, {}, OpenBLAS core {}, {} threads\n", version(), instruction_set_report(),
             ops::cpu::blas_core_name(), num_threads());
  fmt::print("measured FMA peak {:.0f} GFLOP/s, copy {:.1f} GB/s, read {:.1f} GB/s\n\n", peak,
             copy_gigabytes_per_second(), read_gigabytes_per_second());
  const StepResult step = time_step(options);
  const double gflop = step_flops(options.size) * 1e-9;
  fmt::print("U-Net step 32-64-128-256, {0}^3, batch 1, float32: {1:.0f} GFLOP of convolution\n",
             options.size, gflop);
  fmt::print("  minimum {:.3f} s, median {:.3f} s of {} runs\n", step.times.minimum,
             step.times.median, options.repeats);
  fmt::print("  {:.0f} GFLOP/s, {:.0f} % of the peak; peak memory {:.3f} GB; loss {:.6f}\n",
             gflop / step.times.minimum, 100 * gflop / step.times.minimum / peak, step.gigabytes,
             step.loss);
  const std::string layers = options.layers ? print_layers(options, peak) : "[]";
  if (options.json.empty()) return;
  write_file(options.json,
             fmt::format("{{\"size\": {}, \"step\": {}, \"gflop\": {}, \"peak_gflops\": {}, "
                         "\"peak_gigabytes\": {}, \"layers\": {}}}\n",
                         options.size, to_json(step.times, gflop, peak), gflop, peak,
                         step.gigabytes, layers));
}

}  // namespace
}  // namespace voxgrad::bench

int main(int argc, char** argv) {
  try {
    voxgrad::bench::run(voxgrad::bench::parse(argc, argv));
  } catch (const std::exception& error) {
    fmt::print(stderr, "bench_unet: {}\n", error.what());
    return 2;
  }
}
