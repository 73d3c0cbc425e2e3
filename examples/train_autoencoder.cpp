// Trains a 2D convolutional autoencoder on Fashion-MNIST: 28 x 28 pixels through 32 numbers and
// back.
//
//   train_autoencoder --help
//
// The network is Autoencoder, the training loop is train(), both below.
#include <voxgrad/voxgrad.h>

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <string>
#include <vector>

#include "examples/support/format.h"
#include "examples/support/interrupt.h"
#include "examples/support/options.h"
#include "examples/support/plot.h"
#include "examples/support/progress.h"
#include "examples/support/run_log.h"
#include "examples/support/run_main.h"

namespace voxgrad::examples {
namespace {

constexpr Index kSide = 28;
constexpr Index kPixels = kSide * kSide;
constexpr Index kCode = 32;
constexpr Index kClasses = 10;
constexpr Index kEvaluationBatch = 500;

/// Sizes on the way: 28, 14, 7, 1 and back. All is convolution.
struct Autoencoder final : nn::Layer<Autoencoder> {
  nn::Sequential encoder{
      nn::Conv2d{
          {.in_channels = 1, .out_channels = 16, .kernel_size = 4, .stride = 2, .padding = 1}},
      nn::LeakyReLU{},
      nn::Conv2d{
          {.in_channels = 16, .out_channels = 32, .kernel_size = 4, .stride = 2, .padding = 1}},
      nn::LeakyReLU{},
      nn::Conv2d{{.in_channels = 32, .out_channels = kCode, .kernel_size = 7}},
  };
  nn::Sequential decoder{
      nn::ConvTranspose2d{{.in_channels = kCode, .out_channels = 32, .kernel_size = 7}},
      nn::LeakyReLU{},
      nn::ConvTranspose2d{
          {.in_channels = 32, .out_channels = 16, .kernel_size = 4, .stride = 2, .padding = 1}},
      nn::LeakyReLU{},
      nn::ConvTranspose2d{
          {.in_channels = 16, .out_channels = 1, .kernel_size = 4, .stride = 2, .padding = 1}},
      nn::Sigmoid{},
  };

  Tensor forward(const Tensor& images) { return decoder(encoder(images)); }

  void visit(nn::Visitor& visitor) override {
    visitor.child("encoder", encoder);
    visitor.child("decoder", decoder);
  }
};

/// Gray images (number, 28, 28), uint8.
struct Dataset {
  Tensor train;
  Tensor test;
  Tensor test_labels;  // (number), uint8
};

Tensor read_images(const std::string& path) {
  Tensor images = read_idx(path);
  if (images.dim() != 3 || images.size(0) < 1 || images.size(1) != kSide ||
      images.size(2) != kSide) {
    fail(fmt::format("{}: must hold images of {} x {} pixels; got {}", path, kSide, kSide,
                     to_string(images.shape())));
  }
  return images;
}

Dataset read_dataset(const std::string& folder) {
  const std::string labels = folder + "/t10k-labels-idx1-ubyte.gz";
  const Dataset data = {read_images(folder + "/train-images-idx3-ubyte.gz"),
                        read_images(folder + "/t10k-images-idx3-ubyte.gz"), read_idx(labels)};
  if (data.test_labels.shape() != Shape{data.test.size(0)}) {
    fail(fmt::format("{}: must hold a label for each of the {} test images; got {}", labels,
                     data.test.size(0), to_string(data.test_labels.shape())));
  }
  return data;
}

/// Copies of the images with these numbers.
Tensor pick(const Tensor& images, std::span<const Index> numbers) {
  Tensor picked = Tensor::empty({Index(numbers.size()), kSide, kSide}, DType::uint8);
  const auto* from = images.data<std::uint8_t>();
  auto* to = picked.mutable_data<std::uint8_t>();
  for (const Index number : numbers) to = std::copy_n(from + number * kPixels, kPixels, to);
  return picked;
}

/// What the network takes: (number, 1, 28, 28), float32 in [0, 1].
Tensor as_input(const Tensor& images) { return images.to(DType::float32).unsqueeze(1) / 255.0; }

/// Trains until the last step, or until a stop is asked for, but one step at least.
void train(Autoencoder& net, const AutoencoderOptions& options, const Tensor& images, RunLog& log,
           const Interrupt& interrupt) {
  EpochSampler sampler(images.size(0), options.batch, options.seed);
  const Index steps = options.epochs * sampler.batches_per_epoch();
  Loader<Tensor> loader([&](Index i) { return pick(images, sampler.batch(i)); }, {.count = steps});
  optim::Adam optimizer(net.parameters(), {.learning_rate = options.learning_rate});
  Progress progress({.total = steps, .unit = "pixels"});
  Index step = 0;
  while (step < steps) {
    const Tensor batch = as_input(loader.next().to(options.device));
    optimizer.zero_grad();
    const Tensor loss = mse_loss(net(batch), batch);
    loss.backward();
    optimizer.step();
    ++step;
    progress.update(step, loss.item(), std::nullopt, double(batch.numel()));
    log.append({.step = step,
                .loss = loss.item(),
                .voxels_per_second = progress.state().voxels_per_second,
                .seconds = progress.state().elapsed_seconds,
                .learning_rate = optimizer.learning_rate()});
    if (interrupt.requested()) break;
  }
  progress.finish();
  if (step < steps) fmt::print("stopped after step {} of {}\n", step, steps);
}

/// Mean squared error of a pixel over all images.
double error_of(Autoencoder& net, const Tensor& images, Device device) {
  const NoGrad guard;
  double total = 0;
  for (Index start = 0; start < images.size(0); start += kEvaluationBatch) {
    const Index count = std::min(kEvaluationBatch, images.size(0) - start);
    const Tensor batch = as_input(images.narrow(0, start, count).to(device));
    total += mse_loss(net(batch), batch, Reduction::sum).item();
  }
  return total / double(images.numel());
}

/// The same for the one answer that is best where the image is not looked at: the mean image.
double error_of_mean_image(const Tensor& train, const Tensor& test) {
  std::vector<double> mean(kPixels);
  const auto* value = train.data<std::uint8_t>();
  for (Index i = 0; i < train.numel(); ++i) mean[i % kPixels] += value[i] / double(train.size(0));
  double total = 0;
  value = test.data<std::uint8_t>();
  for (Index i = 0; i < test.numel(); ++i) {
    const double distance = (value[i] - mean[i % kPixels]) / 255;
    total += distance * distance;
  }
  return total / double(test.numel());
}

/// The first test image of each class.
std::vector<Index> one_of_each_class(const Tensor& labels) {
  const std::vector<std::uint8_t> values = labels.to_vector<std::uint8_t>();
  std::vector<Index> numbers;
  for (Index label = 0; label < kClasses; ++label) {
    const auto found = std::ranges::find(values, label);
    if (found != values.end()) numbers.push_back(found - values.begin());
  }
  if (numbers.empty()) fail(fmt::format("test labels must be 0 to {}; got none", kClasses - 1));
  return numbers;
}

ImageRow row_of(const std::string& label, const Tensor& images) {
  ImageRow row = {.label = label, .images = {}};
  for (Index i = 0; i < images.size(0); ++i)
    row.images.push_back(images.select(0, i).to_vector<float>());
  return row;
}

void draw_reconstructions(const std::string& path, Autoencoder& net, const Dataset& data,
                          Device device) {
  const NoGrad guard;
  const Tensor originals = as_input(pick(data.test, one_of_each_class(data.test_labels)));
  const Tensor rebuilt = net(originals.to(device)).to(Device{});
  plot_grid(path, {.title = fmt::format("Test images, and what {} numbers keep of them", kCode),
                   .height = kSide,
                   .width = kSide,
                   .rows = {row_of("original", originals), row_of("rebuilt", rebuilt)}});
}

/// The first Ctrl-C from the first file on to the weights only ends the training.
void train_and_save(Autoencoder& net, const AutoencoderOptions& options, const Tensor& images) {
  const Interrupt interrupt;
  make_writable_directory(options.out);
  RunLog log = RunLog::create(options.out + "/run.csv");
  fmt::print("{} training images, epochs: {}; autoencoder of {} parameters, {} threads\n",
             images.size(0), options.epochs, format_count(double(net.parameter_count())),
             num_threads());
  train(net, options, images, log, interrupt);
  save_safetensors(options.out + "/autoencoder.safetensors", net.state_dict());
}

int run(int argc, char** argv) {
  const std::optional<AutoencoderOptions> options = parse_autoencoder_options(argc, argv);
  if (!options) return 0;
  check_device(options->device);
  if (options->threads > 0) set_num_threads(options->threads);
  Dataset data = read_dataset(options->data);
  one_of_each_class(data.test_labels);  // an unusable data set is told before the training
  if (options->images > 0)
    data.train = data.train.narrow(0, 0, std::min(options->images, data.train.size(0)));
  manual_seed(options->seed);
  Autoencoder net;
  net.to(options->device);
  train_and_save(net, *options, data.train);
  draw_reconstructions(options->out + "/reconstructions.png", net, data, options->device);
  fmt::print("mean squared error on {} test images: {:.5f} (the mean training image: {:.5f})\n",
             data.test.size(0), error_of(net, data.test, options->device),
             error_of_mean_image(data.train, data.test));
  fmt::print("wrote {0}/reconstructions.png, {0}/autoencoder.safetensors, {0}/run.csv\n",
             options->out);
  return 0;
}

}  // namespace
}  // namespace voxgrad::examples

int main(int argc, char** argv) {
  return voxgrad::examples::run_main("train_autoencoder",
                                     [&] { return voxgrad::examples::run(argc, argv); });
}
