// Trains a 3D U-Net to find the brain in an MRI of a head: on its left half, judged on its right.
//
//   train_unet3d --help
//
// The training loop is train() below; support/segmentation.h prepares the data, support/report.h
// writes the pictures and files.
#include <voxgrad/voxgrad.h>

#include <fmt/format.h>

#include "examples/support/interrupt.h"
#include "examples/support/options.h"
#include "examples/support/progress.h"
#include "examples/support/report.h"
#include "examples/support/run_log.h"
#include "examples/support/run_main.h"
#include "examples/support/segmentation.h"

namespace voxgrad::examples {
namespace {

constexpr Index kCheckpointEvery = 25;

/// Everything that a resumed run must find again. Crops are a function of seed and step.
struct Run {
  Run(const TrainOptions& options, const SegmentationData& data)
      : settings(run_settings(options)),
        steps(options.steps),
        spacing(data.spacing()),
        inputs(checksums(data)),
        net(make_network(options.channels)),
        optimizer(net.parameters(), {.learning_rate = options.learning_rate}),
        schedule(optimizer, options.steps, 0.9) {
    net.to(options.device);
  }

  void save(const std::string& out) const {
    Checkpoint checkpoint;
    checkpoint.put("settings", join_settings(settings));
    checkpoint.put("model", net);
    checkpoint.put("optimizer", optimizer);
    checkpoint.put("schedule", schedule);
    checkpoint.put("step", step);
    checkpoint.put("seconds", seconds);
    checkpoint.put("image_checksum", inputs.image);
    checkpoint.put("label_checksum", inputs.label);
    checkpoint.save(out + "/checkpoint.safetensors");
    save_weights(out + "/weights.safetensors", net, spacing);
  }

  void restore(const Checkpoint& checkpoint, const std::string& path) try {
    checkpoint.get("model", net);
    checkpoint.get("optimizer", optimizer);
    checkpoint.get("schedule", schedule);
    step = checkpoint.integer("step");
    seconds = checkpoint.number("seconds");
    began_with = {static_cast<std::uint32_t>(checkpoint.integer("image_checksum")),
                  static_cast<std::uint32_t>(checkpoint.integer("label_checksum"))};
    if (step < 0 || step > steps || schedule.steps() != step || !(seconds >= 0 && seconds < 1e12))
      fail(fmt::format("its step or time cannot be; got {} of {}, {} s", step, steps, seconds));
  } catch (const std::exception& error) {
    fail(fmt::format("{}: must be the checkpoint of a run: {}", path, error.what()));
  }

  /// Whether a restored run can go on with these options and this data.
  void check(const TrainOptions& options) const {
    const char* changed = began_with.image != inputs.image   ? "image"
                          : began_with.label != inputs.label ? "label"
                                                             : nullptr;
    if (changed != nullptr) {
      fail(fmt::format(
          "--resume: the {0} must be as it was when the run began; its content or place "
          "changed (bring the old {0} back, or begin a new run)",
          changed));
    }
    if (options.stop_after > 0 && options.stop_after <= step) {
      fail(fmt::format("--stop-after: must be beyond the {} steps that the run has done; got {}",
                       step, options.stop_after));
    }
  }

  std::map<std::string, std::string> settings;
  Index steps;
  double spacing;
  DataChecksums inputs;
  DataChecksums began_with;  // of a restored run
  nn::UNet3d net;
  optim::AdamW optimizer;
  optim::PolynomialLR schedule;
  Index step = 0;
  double seconds = 0;
};

struct StepResult {
  double loss = 0;
  double dice = 0;
};

/// One step of training on one crop.
StepResult train_step(Run& run, const Patch& patch, Device device) {
  const Tensor image = patch.image.to(device), labels = patch.label.to(device);
  run.optimizer.zero_grad();
  const Tensor logits = run.net(image);
  const Tensor loss = cross_entropy(logits, labels) + dice_loss(logits, labels);
  loss.backward();
  run.optimizer.step();
  run.schedule.step();
  ++run.step;
  return {loss.item(), 1 - dice_loss(logits.detach(), labels).item()};
}

/// Trains until the last step, or until a stop is asked for. True when it reached the last step.
bool train(Run& run, const TrainOptions& options, const SegmentationData& data, RunLog& log,
           const Interrupt& interrupt) {
  const PatchSampler sampler = make_sampler(data.train, options.crop, options.seed);
  Loader<Patch> loader([&](Index step) { return sampler.sample(step); },
                       {.start = run.step, .count = options.steps});
  Progress progress({.total = options.steps, .first = run.step});
  const double before = run.seconds;
  while (run.step < options.steps) {
    const Patch patch = loader.next();
    const StepResult result = train_step(run, patch, options.device);
    progress.update(run.step, result.loss, result.dice, double(patch.image.numel()));
    run.seconds = before + progress.state().elapsed_seconds;
    // A new run in the folder of an old one: never its log beside the old checkpoint.
    if (run.step == 1) run.save(options.out);
    log.append({run.step, result.loss, result.dice, progress.state().voxels_per_second, run.seconds,
                run.optimizer.learning_rate()});
    const bool stop = interrupt.requested() || run.step == options.stop_after ||
                      (options.minutes > 0 && run.seconds >= 60 * options.minutes);
    if (stop || run.step % kCheckpointEvery == 0) run.save(options.out);
    if (stop && run.step < options.steps) {
      progress.finish();
      fmt::print(
          "stopped after step {} of {}; the weights so far are in {}/weights.safetensors\n"
          "continue with --resume {}\n",
          run.step, options.steps, options.out, options.out);
      return false;
    }
  }
  progress.finish();
  run.save(options.out);
  return true;
}

/// Judges the network and writes the results, unless a stop is asked for.
void report(Run& run, const TrainOptions& options, const SegmentationData& data, const RunLog& log,
            const Interrupt& interrupt) {
  struct Hook {
    explicit Hook(const Interrupt& stop) {
      set_cancel_hook([&stop] { return stop.requested(); });
    }
    ~Hook() { set_cancel_hook({}); }
  };
  const Hook hook(interrupt);
  try {
    write_report(options, data, run.net, log);
  } catch (const Cancelled&) {
    fmt::print(
        "stopped before all results were written; the weights are in "
        "{0}/weights.safetensors\nget the results with --resume {0}\n",
        options.out);
  }
}

int run_training(TrainOptions options) {
  const std::string checkpoint_path = options.resume + "/checkpoint.safetensors";
  std::optional<Checkpoint> checkpoint;
  if (!options.resume.empty()) {
    checkpoint = Checkpoint::load(checkpoint_path);
    options = resumed_options(options, split_settings(checkpoint->text("settings")));
  }
  check_device(options.device);
  if (options.threads > 0) set_num_threads(options.threads);
  const SegmentationData data = load_segmentation_data(options);
  manual_seed(options.seed);
  Run run(options, data);
  if (checkpoint) {
    run.restore(*checkpoint, checkpoint_path);
    run.check(options);
  }
  const Interrupt interrupt;
  make_writable_directory(options.out);
  const std::string log_path = options.out + "/run.csv";
  RunLog log = checkpoint ? RunLog::resume(log_path, run.step) : RunLog::create(log_path);
  describe(options, data, run.net.parameter_count());
  if (train(run, options, data, log, interrupt)) report(run, options, data, log, interrupt);
  return 0;
}

int run_prediction(const TrainOptions& options) {
  check_device(options.device);
  if (options.threads > 0) set_num_threads(options.threads);
  auto [net, spacing] = load_network(options.weights);
  net.to(options.device);
  const PredictionInput input = load_prediction_input(options.predict, spacing);
  make_writable_directory(options.out);
  write_prediction(options.out, foreground_probability(net, input.image), input.factor,
                   input.source);
  return 0;
}

int run(int argc, char** argv) {
  const std::optional<TrainOptions> options = parse_train_options(argc, argv);
  if (!options) return 0;
  return options->predict.empty() ? run_training(*options) : run_prediction(*options);
}

}  // namespace
}  // namespace voxgrad::examples

int main(int argc, char** argv) {
  return voxgrad::examples::run_main("train_unet3d",
                                     [&] { return voxgrad::examples::run(argc, argv); });
}
