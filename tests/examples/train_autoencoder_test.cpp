// The autoencoder's program as a process, on a data set that is made here, and in the full run on
// the real one.
#include <voxgrad/voxgrad.h>

#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <cstring>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "examples/support/run_log.h"
#include "tests/support/paths.h"
#include "tests/support/process.h"
#include "tests/support/temporary_folder.h"

namespace voxgrad::test {
namespace {

namespace fs = std::filesystem;

using Words = std::vector<std::string>;

void append_size(std::string& text, Index size) {
  for (const int shift : {24, 16, 8, 0}) text += static_cast<char>(size >> shift & 0xff);
}

std::string idx_file(const std::vector<Index>& sizes, const std::string& elements) {
  std::string text = {0, 0, 8, static_cast<char>(sizes.size())};
  for (const Index size : sizes) append_size(text, size);
  return text + elements;
}

/// Bright squares at different places; without compression, which readers of .gz take too.
std::string squares(Index count, Index side = 28) {
  std::string pixels;
  for (Index i = 0; i < count; ++i) {
    std::string image(static_cast<std::size_t>(side * side), '\0');
    for (Index row = i % 9; row < i % 9 + 12; ++row)
      for (Index column = i % 5; column < i % 5 + 12; ++column)
        image[static_cast<std::size_t>(row * side + column)] = '\xc8';
    pixels += image;
  }
  return idx_file({count, side, side}, pixels);
}

class TrainAutoencoder : public testing::Test {
 protected:
  void SetUp() override {
    fs::create_directory(data);
    put_file(train, squares(20));
    put_file(test, squares(10));
    put_file(labels, idx_file({10}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}));
  }

  Outcome run(const Words& more) const {
    Words words = {"--data", data, "--out", out, "--batch", "8"};
    words.insert(words.end(), more.begin(), more.end());
    return run_program("train_autoencoder", words);
  }

  /// Status 2, one sentence that names the file, nothing written.
  void expect_refusal_of(const std::string& file) const {
    const Outcome outcome = run({"--epochs", "1"});
    EXPECT_EQ(refusal_fault(outcome, "train_autoencoder"), "");
    EXPECT_NE(outcome.err.find(file), std::string::npos) << outcome.err;
    EXPECT_EQ(folder.list(), Words{"data"});
  }

  TemporaryFolder folder;
  std::string data = folder / "data", out = folder / "out";
  std::string train = data + "/train-images-idx3-ubyte.gz";
  std::string test = data + "/t10k-images-idx3-ubyte.gz";
  std::string labels = data + "/t10k-labels-idx1-ubyte.gz";
};

TEST_F(TrainAutoencoder, LearnsAndWritesItsResults) {
  const Outcome outcome = run({"--epochs", "4", "--learning-rate", "0.01"});
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(outcome.err, "");
  EXPECT_NE(outcome.out.find(" pixels/s"), std::string::npos) << outcome.out;
  const auto rows = examples::read_run_log(out + "/run.csv");
  ASSERT_EQ(rows.size(), 12U);  // 3 batches of 20 images, 4 times
  EXPECT_LT(rows.back().loss, rows.front().loss);
  const auto picture = get_file(out + "/reconstructions.png");
  ASSERT_GT(picture.size(), 8U);
  EXPECT_EQ(std::memcmp(picture.data(), "\x89PNG\r\n\x1a\n", 8), 0);
  const SafetensorsFile weights = load_safetensors(out + "/autoencoder.safetensors");
  EXPECT_EQ(weights.at("encoder.0.weight").shape(), (Shape{16, 1, 4, 4}));
  EXPECT_EQ(weights.at("decoder.4.weight").shape(), (Shape{16, 1, 4, 4}));
}

TEST_F(TrainAutoencoder, SeedDecidesTheBitsAndThreadsDoNot) {
  const Words words = {"--epochs", "1", "--images", "12"};
  const auto weights = [&](const Words& more) {
    Words all = words;
    all.insert(all.end(), more.begin(), more.end());
    EXPECT_EQ(run(all).status, 0);
    return get_file(out + "/autoencoder.safetensors");
  };
  const auto first = weights({"--seed", "3", "--threads", "1"});
  EXPECT_EQ(weights({"--seed", "3", "--threads", "2"}), first);
  EXPECT_NE(weights({"--seed", "4"}), first);
}

TEST_F(TrainAutoencoder, InterruptKeepsTheWeightsSoFar) {
  Process process("train_autoencoder", {"--data", data, "--out", out, "--epochs", "10000"});
  const auto has_stepped = [&] {
    std::error_code none;
    const auto size = fs::file_size(out + "/run.csv", none);
    return !none && size > 100;
  };
  while (process.is_running() && !has_stepped())
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  process.send(SIGINT);
  const Outcome outcome = process.wait();
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_NE(outcome.out.find("stopped after step"), std::string::npos) << outcome.out;
  EXPECT_TRUE(fs::exists(out + "/autoencoder.safetensors"));
  EXPECT_TRUE(fs::exists(out + "/reconstructions.png"));
}

TEST_F(TrainAutoencoder, InterruptBeforeTheFirstStepLeavesNothingEmpty) {
  for (int delay = 0; delay < 10; ++delay) {
    fs::remove_all(out);
    Process process("train_autoencoder", {"--data", data, "--out", out, "--epochs", "10000"});
    while (process.is_running() && !fs::exists(out))
      std::this_thread::sleep_for(std::chrono::microseconds(100));
    std::this_thread::sleep_for(std::chrono::microseconds(200 * delay));
    process.send(SIGINT);
    const Outcome outcome = process.wait();
    ASSERT_EQ(outcome.status, 0) << outcome.err;
    EXPECT_GE(examples::read_run_log(out + "/run.csv").size(), 1U);
    EXPECT_TRUE(fs::exists(out + "/autoencoder.safetensors"));
  }
}

TEST_F(TrainAutoencoder, RefusesMissingFiles) {
  for (const std::string& file : {labels, test, train}) {
    fs::remove(file);
    expect_refusal_of(file);
  }
}

TEST_F(TrainAutoencoder, RefusesImagesThatAreCutOff) {
  fs::resize_file(train, fs::file_size(train) - 1);
  expect_refusal_of(train);
}

TEST_F(TrainAutoencoder, RefusesImagesOfAnotherSize) {
  put_file(test, squares(10, 27));
  expect_refusal_of(test);
  put_file(test, squares(0));
  expect_refusal_of(test);
}

TEST_F(TrainAutoencoder, RefusesLabelsThatDoNotFit) {
  put_file(labels, idx_file({9}, std::string(9, '\1')));
  expect_refusal_of(labels);
  put_file(labels, idx_file({10}, std::string(10, '\x0b')));
  expect_refusal_of("labels");
}

TEST_F(TrainAutoencoder, RefusesAnUnwritableFolder) {
  out = train + "/out";
  expect_refusal_of(out);
}

TEST(TrainAutoencoderFull, RebuildsRealImages) {
  if (!full_run()) GTEST_SKIP() << "for the full run";
  if (!fs::exists("/usr/share/datasets/fashion-mnist"))
    GTEST_SKIP() << "needs Debian's package dataset-fashion-mnist";
  const TemporaryFolder folder;
  const Outcome outcome = run_program(
      "train_autoencoder", {"--images", "12800", "--epochs", "1", "--out", folder / "out"});
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  // The mean image's error is 0.086.
  const auto rows = examples::read_run_log(folder / "out/run.csv");
  ASSERT_EQ(rows.size(), 200U);
  EXPECT_LT(rows.back().loss, 0.03);
}

}  // namespace
}  // namespace voxgrad::test
