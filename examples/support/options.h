// The command lines of the example programs.
#pragma once

#include <voxgrad/core/device.h>

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

namespace voxgrad::examples {

/// Sizes of a crop must be multiples of this, so that every level of the network halves evenly.
inline constexpr std::int64_t kCropMultiple = 8;

/// What train_unet3d was asked to do. Paths are as given; empty or nullopt means not given.
struct TrainOptions {
  std::string image;
  std::string label;
  bool phantom = false;
  std::string predict;
  std::string weights;
  std::string resume;
  std::string out = "out";

  std::int64_t steps = 650;
  double minutes = 0;           // 0: no limit
  std::int64_t stop_after = 0;  // 0: at the last step
  std::uint64_t seed = 0;
  double learning_rate = 5e-3;
  std::array<std::int64_t, 3> crop = {80, 96, 40};
  std::int64_t channels = 8;
  double spacing = 2;  // millimetres
  Device device;
  int threads = 0;  // 0: all that the process may use

  std::set<std::string> given;  // names of the options on the command line, e.g. "--steps"
};

/// Reads the command line; nullopt after --help, whose text went to stdout.
/// @throws UsageError, one sentence, for anything that is not an option, out of range, or does not
/// go together.
std::optional<TrainOptions> parse_train_options(int argc, const char* const* argv);

/// What decides a run's bits, as option names and values: to be kept in its checkpoint. Paths are
/// absolute.
std::map<std::string, std::string> run_settings(const TrainOptions& options);

/// The options of a run that --resume continues: its settings are those of the checkpoint, the rest
/// is what was given.
/// @throws UsageError when an option given differs from the run's, or the settings are not what
/// run_settings() makes.
TrainOptions resumed_options(const TrainOptions& given,
                             const std::map<std::string, std::string>& settings);

/// What train_autoencoder was asked to do.
struct AutoencoderOptions {
  std::string data = "/usr/share/datasets/fashion-mnist";
  std::string out = "out";
  std::int64_t epochs = 5;
  std::int64_t batch = 64;
  std::int64_t images = 0;  // 0: all
  double learning_rate = 1e-3;
  std::uint64_t seed = 0;
  Device device;
  int threads = 0;  // 0: all that the process may use
};

/// As parse_train_options.
std::optional<AutoencoderOptions> parse_autoencoder_options(int argc, const char* const* argv);

/// @throws UsageError where --device names one that this machine, or this build, does not have.
void check_device(Device device);

}  // namespace voxgrad::examples
