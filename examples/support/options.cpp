#include "examples/support/options.h"

#include <fmt/format.h>
#include <voxgrad/core/backend.h>
#include <voxgrad/core/error.h>

#include <filesystem>
#include <string_view>
#include <utility>
#include <vector>

#include "examples/support/command_line.h"
#include "examples/support/run_main.h"

namespace voxgrad::examples {
namespace {

constexpr std::int64_t kMostThreads = 1024;

Device parse_device(const std::string& text) {
  if (text == "cpu") return {};
  if (text == "cuda") return {DeviceType::cuda, 0};
  if (text.size() == 6 && text.starts_with("cuda:") && text[5] >= '0' && text[5] <= '9') {
    return {DeviceType::cuda, text[5] - '0'};
  }
  fail(fmt::format("--device: must be cpu, cuda or cuda:N; got {}", text));
}

void add_device_option(CommandLine& line, Device& device) {
  line.custom("--device", "DEVICE", to_string(device), "cpu, cuda or cuda:N",
              [&device](const std::string& text) { device = parse_device(text); });
}

void add_data_options(CommandLine& line, TrainOptions& options) {
  line.group("Data");
  line.text("--image", options.image, "FILE",
            "NIfTI volume to train on (default the Colin27 head of mricron-data)");
  line.text("--label", options.label, "FILE",
            "its mask: voxels > 0 are foreground; needed with --image");
  line.flag("--phantom", options.phantom, "train on a generated volume instead");
  line.text("--predict", options.predict, "FILE",
            "train nothing: segment this volume with --weights");
  line.text("--weights", options.weights, "FILE",
            "the weights.safetensors of a run, for --predict");
  line.text("--resume", options.resume, "DIR",
            "continue the interrupted run whose results are in DIR");
  line.text("--out", options.out, "DIR", "folder for the results");
}

void add_training_options(CommandLine& line, TrainOptions& options, std::int64_t& threads) {
  line.group("Training");
  line.whole("--steps", options.steps, 1, 1'000'000, "training steps, one crop each");
  line.real("--minutes", options.minutes, 0, 1e6,
            "stop after so many minutes, as Ctrl-C does; 0: no limit");
  line.whole("--stop-after", options.stop_after, 0, 1'000'000,
             "stop after this step, as Ctrl-C does; 0: no such step");
  line.seed("--seed", options.seed, "seed of initial weights, crops and flips");
  line.real("--learning-rate", options.learning_rate, 1e-8, 1, "learning rate of the first step");
  line.sizes(
      "--crop", options.crop, kCropMultiple, 1024,
      fmt::format("depth, height and width of a crop in voxels, multiples of {}", kCropMultiple));
  line.whole("--channels", options.channels, 1, 512, "channels of the network's first level");
  line.real("--spacing", options.spacing, 1e-3, 1e3, "voxel edge in mm that the network works at");
  line.group("Machine");
  add_device_option(line, options.device);
  line.whole("--threads", threads, 0, kMostThreads,
             "threads; 0: all cores that the process may use");
}

void check_prediction(const TrainOptions& options) {
  const std::set<std::string> meant = {"--predict", "--weights", "--out", "--device", "--threads"};
  if (options.weights.empty())
    fail("--predict: needs --weights, the file that a training run wrote");
  for (const std::string& name : options.given) {
    if (!meant.contains(name)) fail(fmt::format("--predict: trains nothing; leave out {}", name));
  }
}

bool same_folder(const std::string& a, const std::string& b) {
  const auto canonical = [](const std::string& path) {
    return std::filesystem::weakly_canonical(path + "/");
  };
  return canonical(a) == canonical(b);
}

void check_resume(TrainOptions& options) {
  if (options.given.contains("--out") && !same_folder(options.out, options.resume)) {
    fail(fmt::format("--resume: results go to the run's own folder {}; got --out {}",
                     options.resume, options.out));
  }
  options.out = options.resume;
}

void check_together(TrainOptions& options) {
  if (!options.predict.empty() && !options.resume.empty()) {
    fail("--predict: goes without --resume; give the run's weights with --weights");
  }
  if (!options.predict.empty()) return check_prediction(options);
  if (!options.weights.empty()) fail("--weights: is for --predict; --resume continues a run");
  if (!options.image.empty() && options.label.empty()) {
    fail("--image: training needs --label, its mask (or --predict, to segment it)");
  }
  if (!options.label.empty() && options.image.empty())
    fail("--label: needs --image, the volume it labels");
  if (options.phantom && !options.image.empty()) {
    fail("--phantom: trains on a generated volume; leave out --image and --label");
  }
  if (!options.resume.empty()) check_resume(options);
}

std::string absolute(const std::string& path) {
  return std::filesystem::absolute(path).lexically_normal().string();
}

// Options that do not decide the bits of a run: a resumed one may give others.
bool free_to_differ(const std::string& name) {
  static const std::set<std::string> names = {"--resume", "--out", "--minutes", "--stop-after",
                                              "--threads"};
  return names.contains(name);
}

}  // namespace

std::optional<TrainOptions> parse_train_options(int argc, const char* const* argv) {
  TrainOptions options;
  std::int64_t threads = options.threads;
  CommandLine line("train_unet3d",
                   "Trains a 3D U-Net to segment a volume, or segments one with a trained U-Net.");
  add_data_options(line, options);
  add_training_options(line, options, threads);
  if (!line.parse(argc, argv)) return std::nullopt;
  options.threads = static_cast<int>(threads);
  options.given = line.given();
  check_together(options);
  return options;
}

std::map<std::string, std::string> run_settings(const TrainOptions& options) {
  std::map<std::string, std::string> settings = {
      {"--steps", std::to_string(options.steps)},
      {"--seed", std::to_string(options.seed)},
      {"--learning-rate", fmt::format("{}", options.learning_rate)},
      {"--crop", fmt::format("{}x{}x{}", options.crop[0], options.crop[1], options.crop[2])},
      {"--channels", std::to_string(options.channels)},
      {"--spacing", fmt::format("{}", options.spacing)},
      {"--device", to_string(options.device)},
  };
  if (options.phantom) settings["--phantom"] = "on";
  if (!options.image.empty()) settings["--image"] = absolute(options.image);
  if (!options.label.empty()) settings["--label"] = absolute(options.label);
  return settings;
}

TrainOptions resumed_options(const TrainOptions& given,
                             const std::map<std::string, std::string>& settings) {
  const std::map<std::string, std::string> own = run_settings(given);
  for (const std::string& name : given.given) {
    if (free_to_differ(name)) continue;
    const auto theirs = settings.find(name);
    if (theirs == settings.end() || theirs->second != own.at(name)) {
      fail(fmt::format("--resume: {} must be the run's own, {}, or left out; got {}", name,
                       theirs == settings.end() ? "none" : theirs->second, own.at(name)));
    }
  }
  std::vector<const char*> words = {"train_unet3d"};
  for (const auto& [name, value] : settings) {
    words.push_back(name.c_str());
    if (name != "--phantom") words.push_back(value.c_str());
  }
  const auto parsed = parse_train_options(static_cast<int>(words.size()), words.data());
  if (!parsed || run_settings(*parsed) != settings)
    fail("--resume: the checkpoint must hold the settings of a run, all of them and no others");
  TrainOptions options = *parsed;
  options.resume = given.resume;
  options.out = given.out;
  options.minutes = given.minutes;
  options.stop_after = given.stop_after;
  options.threads = given.threads;
  options.given = given.given;
  return options;
}

std::optional<AutoencoderOptions> parse_autoencoder_options(int argc, const char* const* argv) {
  AutoencoderOptions options;
  std::int64_t threads = options.threads;
  CommandLine line("train_autoencoder", "Trains a 2D convolutional autoencoder on Fashion-MNIST.");
  line.text("--data", options.data, "DIR", "folder with the four idx files of Fashion-MNIST");
  line.text("--out", options.out, "DIR", "folder for the results");
  line.whole("--epochs", options.epochs, 1, 10'000, "passes over the training images");
  line.whole("--batch", options.batch, 1, 10'000, "images of one step");
  line.whole("--images", options.images, 0, 1'000'000, "training images to use; 0: all");
  line.real("--learning-rate", options.learning_rate, 1e-8, 1, "learning rate of Adam");
  line.seed("--seed", options.seed, "seed of initial weights and the order of the images");
  add_device_option(line, options.device);
  line.whole("--threads", threads, 0, kMostThreads,
             "threads; 0: all cores that the process may use");
  if (!line.parse(argc, argv)) return std::nullopt;
  options.threads = static_cast<int>(threads);
  return options;
}

void check_device(Device device) try { backend(device); } catch (const DeviceError& error) {
  fail(fmt::format("--device: {}", error.what()));
}

}  // namespace voxgrad::examples
