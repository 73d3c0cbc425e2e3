#include "examples/support/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <sstream>
#include <string_view>
#include <system_error>

#include "examples/support/format.h"
#include "examples/support/plot.h"
#include "examples/support/run_main.h"

namespace voxgrad::examples {
namespace {

/// Dice of the network where it counts, and of what it has to beat.
struct Figures {
  double network = 0;
  double mirrored = 0;
  double cropped = 0;
  Baselines baselines;
};

Figures measure(nn::UNet3d& net, const SegmentationData& data) {
  return {score(net, data.test), score_mirrored(net, data.test), score_cropped(net, data.test),
          measure_baselines(data)};
}

void print_figures(const Figures& figures, double seconds) {
  fmt::print("Dice on the right half, which training never saw ({} of training):\n",
             format_duration(seconds));
  fmt::print("  {:<46}{:.4f}\n", "this network", figures.network);
  fmt::print("  {:<46}{:.4f}\n", "best intensity threshold of the left half",
             figures.baselines.threshold);
  fmt::print("  {:<46}{:.4f}\n", "mask of the left half, mirrored", figures.baselines.mirrored);
  fmt::print("  {:<46}{:.4f}\n", "this network, the half turned front to back", figures.mirrored);
  fmt::print("  {:<46}{:.4f}\n", "this network, 7 voxels cut from every side", figures.cropped);
}

void write_figures(const std::string& path, const Figures& figures, double seconds) {
  write_file(path, fmt::format("figure,value\ndice,{:.6f}\ndice_front_to_back,{:.6f}\n"
                               "dice_cropped,{:.6f}\nbaseline_threshold,{:.6f}\n"
                               "baseline_mirrored,{:.6f}\ntraining_seconds,{:.1f}\n",
                               figures.network, figures.mirrored, figures.cropped,
                               figures.baselines.threshold, figures.baselines.mirrored, seconds));
}

void draw_curves(const std::string& path, const RunLog& log, const Figures& figures) {
  Series loss{.name = "loss of each step", .x = {}, .y = {}, .color = kBlue, .smooth = true};
  Series overlap{
      .name = "Dice of each step's crop", .x = {}, .y = {}, .color = kOrange, .smooth = true};
  for (const RunLogRow& row : log.rows()) {
    loss.x.push_back(double(row.step));
    loss.y.push_back(row.loss);
    overlap.x.push_back(double(row.step));
    overlap.y.push_back(row.dice.value_or(std::nan("")));
  }
  const std::vector<Baseline> lines = {
      {fmt::format("this network, right half: {:.3f}", figures.network), figures.network, kGreen},
      {fmt::format("left mask mirrored: {:.3f}", figures.baselines.mirrored),
       figures.baselines.mirrored, kGray},
      {fmt::format("best threshold: {:.3f}", figures.baselines.threshold),
       figures.baselines.threshold, kGray}};
  plot_curves(path, {.title = "Brain segmentation with a 3D U-Net",
                     .x_label = "training step",
                     .panels = {{.y_label = "cross entropy + Dice loss",
                                 .series = {loss},
                                 .baselines = {},
                                 .log_scale = true,
                                 .low = {},
                                 .high = {}},
                                {.y_label = "Dice",
                                 .series = {overlap},
                                 .baselines = lines,
                                 .log_scale = false,
                                 .low = 0.5,
                                 .high = 1.0}}});
}

template <typename T>
std::span<const T> values(const Tensor& plain) {
  return {plain.data<T>(), static_cast<std::size_t>(plain.numel())};
}

void draw_slices(const std::string& path, const SegmentationData& data, const Tensor& predicted) {
  const Tensor& image = data.source.data;
  plot_slices(path, {.image = values<float>(image),
                     .truth = values<std::uint8_t>(data.source_mask),
                     .predicted = values<std::uint8_t>(predicted),
                     .shape = {image.size(0), image.size(1), image.size(2)},
                     .spacing = data.source.geometry.spacing,
                     .axes = anatomical_axes(data.source.geometry.affine),
                     .title = "Trained on the left half, judged on the right"});
}

// Names of files may hold line breaks and need not be UTF-8, which texts in a checkpoint must be:
// such bytes become %XX.
std::string escaped(const std::string& text) {
  std::string result;
  for (const char c : text) {
    const bool plain = c >= 0x20 && c < 0x7f && c != '%';
    result += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return result;
}

std::string unescaped(std::string_view text) {
  std::string result;
  while (!text.empty()) {
    unsigned byte = 0;
    const bool code =
        text.size() >= 3 && text[0] == '%' &&
        std::from_chars(text.data() + 1, text.data() + 3, byte, 16).ptr == text.data() + 3;
    result += code ? static_cast<char>(byte) : text[0];
    text.remove_prefix(code ? 3 : 1);
  }
  return result;
}

/// The number that an entry of a file's metadata is; 0 where there is none.
template <typename T>
T number_in(const std::map<std::string, std::string>& metadata, const char* name) {
  const auto found = metadata.find(name);
  if (found == metadata.end()) return 0;
  T value = 0;
  const char* const end = found->second.data() + found->second.size();
  const auto result = std::from_chars(found->second.data(), end, value);
  return result.ec == std::errc() && result.ptr == end ? value : 0;
}

/// What in the file has another shape than the network of that many channels, "" when nothing has.
/// That network is not made, as it may be huge: sizes are linear in its channels, so the networks
/// of 1 and 2 tell them.
std::string first_misfit(const SafetensorsFile& file, Index channels) {
  const nn::StateDict one = make_network(1).state_dict(), two = make_network(2).state_dict();
  for (std::size_t i = 0; i < one.size(); ++i) {
    const std::string& name = one[i].first;
    Shape shape = one[i].second.shape();
    for (std::size_t axis = 0; axis < shape.size(); ++axis)
      shape[axis] += (channels - 1) * (two[i].second.shape()[axis] - shape[axis]);
    const auto found = std::ranges::find(file.tensors, name, &NamedTensors::value_type::first);
    if (found == file.tensors.end()) return fmt::format("there is no {}", name);
    if (found->second.shape() != shape) {
      return fmt::format("{} must have shape {} for {} channels; got {}", name, to_string(shape),
                         channels, to_string(found->second.shape()));
    }
  }
  return {};
}

}  // namespace

void describe(const TrainOptions& options, const SegmentationData& data, Index parameters) {
  const auto& crop = options.crop;
  fmt::print("image {}, working at {} in voxels of {}; training on its left half\n",
             to_string(data.source.data.shape()), to_string(data.whole.image.shape()),
             voxel_text(data.source.geometry, data.factor));
  fmt::print("3D U-Net of {} parameters; {} steps of one crop of {}x{}x{}, {} threads\n",
             format_count(double(parameters)), options.steps, crop[0], crop[1], crop[2],
             num_threads());
}

void save_weights(const std::string& path, const nn::UNet3d& net, double spacing) {
  const Index channels = net.options().channels.front();
  save_safetensors(
      path, net.state_dict(),
      {{"channels", std::to_string(channels)}, {"spacing", fmt::format("{}", spacing)}});
}

TrainedNetwork load_network(const std::string& path) {
  const SafetensorsFile file = load_safetensors(path);
  const auto refuse = [&](const std::string& why) {
    fail(fmt::format("{}: must be weights that train_unet3d wrote; got another network's ({})",
                     path, why));
  };
  const Index channels = number_in<Index>(file.metadata, "channels");
  const double spacing = number_in<double>(file.metadata, "spacing");
  if (channels < 1 || channels > 512 || !(spacing > 0 && std::isfinite(spacing)))
    refuse("its metadata has no channels from 1 to 512 and spacing above 0");
  const std::string misfit = first_misfit(file, channels);
  if (!misfit.empty()) refuse(misfit);
  for (const auto& [name, tensor] : file.tensors) {
    if (!std::isfinite(sum(tensor.to(DType::float64)).item()))
      fail(fmt::format("{}: weights must be finite; got NaN or infinity in {}", path, name));
  }
  TrainedNetwork trained{make_network(channels), spacing};
  try {
    trained.net.load_state_dict(file.tensors);
  } catch (const Error& error) {
    refuse(error.what());
  }
  return trained;
}

std::string join_settings(const std::map<std::string, std::string>& settings) {
  std::string text;
  for (const auto& [name, value] : settings) text += name + '=' + escaped(value) + '\n';
  return text;
}

std::map<std::string, std::string> split_settings(const std::string& text) {
  std::map<std::string, std::string> settings;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const std::size_t at = line.find('=');
    if (at != std::string::npos) settings[line.substr(0, at)] = unescaped(line.substr(at + 1));
  }
  return settings;
}

void write_prediction(const std::string& out, const Tensor& probability, Index factor,
                      const NiftiImage& source) {
  const std::string path = out + "/prediction.nii.gz";
  write_nifti(path, mask_at_source(probability, factor, source), source.geometry);
  fmt::print("wrote {}\n", path);
}

void write_report(const TrainOptions& options, const SegmentationData& data, nn::UNet3d& net,
                  const RunLog& log) {
  const double seconds = log.rows().empty() ? 0 : log.rows().back().seconds;
  const Figures figures = measure(net, data);
  print_figures(figures, seconds);
  write_figures(options.out + "/results.csv", figures, seconds);
  const Tensor probability = foreground_probability(net, data.whole.image);
  write_prediction(options.out, probability, data.factor, data.source);
  draw_curves(options.out + "/curves.png", log, figures);
  draw_slices(options.out + "/slices.png", data,
              mask_at_source(probability, data.factor, data.source));
  fmt::print("wrote {0}/curves.png, {0}/slices.png, {0}/weights.safetensors, {0}/run.csv\n",
             options.out);
}

}  // namespace voxgrad::examples
