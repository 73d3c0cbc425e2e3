// The demo as a process: what it writes, that an interrupted run continues with the same bits, and
// what it says to bad input.
#include <voxgrad/voxgrad.h>

#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <map>
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
using Bytes = std::vector<std::byte>;

const Words kOutputs = {"checkpoint.safetensors",
                        "curves.png",
                        "prediction.nii.gz",
                        "results.csv",
                        "run.csv",
                        "slices.png",
                        "weights.safetensors"};

Outcome demo(const Words& words) { return run_program("train_unet3d", words); }

Words operator+(Words words, const Words& more) {
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

// A network and a volume small enough for the sanitizers.
const Words kTiny = {"--crop", "16x16x8", "--channels", "2"};
Words phantom_run(const std::string& out, const std::string& steps) {
  return Words{"--phantom", "--spacing", "6", "--steps", steps, "--out", out} + kTiny;
}

Words names_in(const std::string& folder) {
  Words names;
  for (const auto& entry : fs::directory_iterator(folder))
    names.push_back(entry.path().filename().string());
  std::ranges::sort(names);
  return names;
}

std::map<std::string, double> figures_in(const std::string& path) {
  std::map<std::string, double> figures;
  std::ifstream file(path);
  std::string line;
  for (std::getline(file, line); std::getline(file, line);) {
    const std::size_t comma = line.find(',');
    figures[line.substr(0, comma)] = std::stod(line.substr(comma + 1));
  }
  return figures;
}

bool is_png(const std::string& path) {
  const Bytes bytes = get_file(path);
  return bytes.size() > 1000 && std::memcmp(bytes.data(), "\x89PNG\r\n\x1a\n", 8) == 0;
}

// ---- what it does

TEST(TrainUnet3d, WritesEverythingThatItPromises) {
  const TemporaryFolder folder;
  const std::string out = folder / "out";
  const Outcome outcome = demo(phantom_run(out, "2"));
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(outcome.err, "");
  EXPECT_NE(outcome.out.find("step 2/2"), std::string::npos) << outcome.out;
  EXPECT_EQ(outcome.out.find('\r'), std::string::npos) << "redraws where there is no terminal";
  EXPECT_EQ(names_in(out), kOutputs);
  EXPECT_EQ(examples::read_run_log(out + "/run.csv").size(), 2U);
  EXPECT_TRUE(is_png(out + "/curves.png"));
  EXPECT_TRUE(is_png(out + "/slices.png"));
  EXPECT_GT(load_safetensors(out + "/weights.safetensors").tensors.size(), 10U);
  EXPECT_EQ(read_nifti(out + "/prediction.nii.gz").data.shape(), (Shape{91, 109, 91}));
  const auto figures = figures_in(out + "/results.csv");
  for (const char* name : {"dice", "dice_front_to_back", "dice_cropped", "baseline_threshold"}) {
    ASSERT_TRUE(figures.contains(name)) << name;
    EXPECT_GE(figures.at(name), 0) << name;
    EXPECT_LE(figures.at(name), 1) << name;
  }
}

TEST(TrainUnet3d, ResumedRunHasTheBitsOfAnUninterruptedOne) {
  const TemporaryFolder folder;
  const std::string whole = folder / "whole", parts = folder / "parts";
  ASSERT_EQ(demo(phantom_run(whole, "4") + Words{"--threads", "2"}).status, 0);
  const Outcome first = demo(phantom_run(parts, "4") + Words{"--stop-after", "2"});
  ASSERT_EQ(first.status, 0) << first.err;
  EXPECT_NE(first.out.find("--resume " + parts), std::string::npos) << first.out;
  const Bytes weights = get_file(whole + "/weights.safetensors");
  EXPECT_NE(get_file(parts + "/weights.safetensors"), weights) << "it did not stop after step 2";
  const Outcome second = demo({"--resume", parts, "--threads", "1"});
  ASSERT_EQ(second.status, 0) << second.err;
  EXPECT_EQ(get_file(parts + "/weights.safetensors"), weights);
  EXPECT_EQ(get_file(parts + "/prediction.nii.gz"), get_file(whole + "/prediction.nii.gz"));

  const auto expected = examples::read_run_log(whole + "/run.csv");
  const auto rows = examples::read_run_log(parts + "/run.csv");
  ASSERT_EQ(rows.size(), 4U);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    EXPECT_EQ(rows[i].step, expected[i].step);
    EXPECT_EQ(rows[i].loss, expected[i].loss);
    EXPECT_EQ(rows[i].learning_rate, expected[i].learning_rate);
  }
}

TEST(TrainUnet3d, InterruptKeepsTheWeightsSoFar) {
  const TemporaryFolder folder;
  const std::string out = folder / "out";
  Process process("train_unet3d", phantom_run(out, "1000000"));
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
  EXPECT_EQ(names_in(out), (Words{"checkpoint.safetensors", "run.csv", "weights.safetensors"}));
}

TEST(TrainUnet3d, LeavesNothingHalfWhenItIsKilled) {
  const TemporaryFolder folder;
  const std::string out = folder / "out";
  for (int delay = 0; delay < 10; ++delay) {
    fs::remove_all(out);
    Process process("train_unet3d", phantom_run(out, "1000000"));
    while (process.is_running() && !fs::exists(out))
      std::this_thread::sleep_for(std::chrono::microseconds(100));
    std::this_thread::sleep_for(std::chrono::milliseconds(3 * delay));
    process.send(SIGINT);
    process.send(SIGTERM);
    EXPECT_NE(process.wait().status, 2);
    for (const std::string& name : names_in(out)) EXPECT_FALSE(name.ends_with(".tmp")) << name;
    if (fs::exists(out + "/run.csv")) {
      EXPECT_GE(examples::read_run_log(out + "/run.csv").size(), 1U);
    }
  }
}

TEST(TrainUnet3d, NeverLeavesItsLogBesideTheCheckpointOfAnotherRun) {
  const TemporaryFolder folder;
  const std::string out = folder / "out";
  ASSERT_EQ(demo(phantom_run(out, "1")).status, 0);
  const Bytes before = get_file(out + "/run.csv");
  Process process("train_unet3d", phantom_run(out, "1000000"));
  while (process.is_running() && get_file(out + "/run.csv") == before)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  process.send(SIGKILL);
  process.wait();
  const Checkpoint checkpoint = Checkpoint::load(out + "/checkpoint.safetensors");
  EXPECT_NE(checkpoint.text("settings").find("--steps=1000000"), std::string::npos);
  EXPECT_EQ(demo({"--resume", out, "--minutes", "0.00001"}).status, 0);
}

TEST(TrainUnet3d, TrainsOnTheUsersVolumeAndSegmentsANewOne) {
  const TemporaryFolder folder;
  const Phantom head = make_phantom({.size = {17, 19, 34}});
  const NiftiGeometry geometry = {.spacing = {3, 2, 1},
                                  .affine = {-1, 0, 0, 40, 0, 2, 0, -30, 0, 0, 3, -20, 0, 0, 0, 1}};
  write_nifti(folder / "head.nii", head.image, geometry);
  write_nifti(folder / "mask.nii.gz", head.mask, geometry);
  const Outcome trained =
      demo(Words{"--image", folder / "head.nii", "--label", folder / "mask.nii.gz", "--steps", "2",
                 "--out", folder / "out"} +
           kTiny);
  ASSERT_EQ(trained.status, 0) << trained.err;
  const Outcome predicted = demo({"--predict", folder / "head.nii", "--weights",
                                  folder / "out/weights.safetensors", "--out", folder / "new"});
  ASSERT_EQ(predicted.status, 0) << predicted.err;
  EXPECT_EQ(names_in(folder / "new"), Words{"prediction.nii.gz"});
  EXPECT_EQ(get_file(folder / "new/prediction.nii.gz"), get_file(folder / "out/prediction.nii.gz"));
  const NiftiImage prediction = read_nifti(folder / "new/prediction.nii.gz");
  EXPECT_EQ(prediction.data.shape(), head.image.shape());
  EXPECT_EQ(prediction.geometry.affine, geometry.affine);
}

TEST(TrainUnet3d, ResumesWhateverTheFilesAreCalled) {
  const TemporaryFolder folder;
  const Phantom head = make_phantom({.size = {16, 18, 32}});
  const std::string image = folder / "a\nb%0A\xff=.nii", label = folder / "mask.nii";
  write_nifti(image, head.image);
  write_nifti(label, head.mask);
  const std::string out = folder / "out";
  const Words words = {"--image", image, "--label", label, "--steps", "2", "--stop-after", "1"};
  const Outcome first = demo(words + Words{"--out", out} + kTiny);
  ASSERT_EQ(first.status, 0) << first.err;
  const Outcome second = demo({"--resume", out});
  EXPECT_EQ(second.status, 0) << second.err;
}

// ---- bad input

/// A folder with a good volume and its mask, and things wrong in as many ways as a test needs.
class TrainUnet3dRefuses : public testing::Test {
 protected:
  void SetUp() override {
    image = folder / "image.nii.gz";
    label = folder / "label.nii.gz";
    write_nifti(image, head.image);
    write_nifti(label, head.mask);
  }

  Words training(const std::string& image_path, const std::string& label_path) const {
    return Words{"--image", image_path, "--label", label_path, "--steps", "1", "--out", out} +
           kTiny;
  }

  /// The demo must end with status 2 and one sentence that holds all of `says`, and write nothing.
  void expect_refusal(const Words& words, const Words& says) {
    const Words before = folder.list();
    const Outcome outcome = demo(words);
    EXPECT_EQ(refusal_fault(outcome, "train_unet3d"), "");
    for (const std::string& part : says)
      EXPECT_NE(outcome.err.find(part), std::string::npos)
          << "not '" << part << "' in: " << outcome.err;
    EXPECT_EQ(folder.list(), before);
  }

  /// The same for both an image and a label of these bytes.
  void expect_refusal_of(const std::string& name, const Bytes& bytes, const std::string& says) {
    const std::string path = folder / name;
    put_file(path, bytes);
    expect_refusal(training(path, label), {path, says});
    expect_refusal(training(image, path), {path, says});
  }

  /// The bytes of the good image without compression: a header of 348 bytes, 4 more, voxels.
  Bytes plain_image() const {
    const std::string path = folder / "plain.nii";
    write_nifti(path, head.image);
    return get_file(path);
  }

  TemporaryFolder folder;
  Phantom head = make_phantom({.size = {16, 18, 32}});
  std::string image, label, out = folder / "out";
};

void put_int16(Bytes& bytes, std::size_t at, std::int16_t value) {
  std::memcpy(bytes.data() + at, &value, sizeof value);
}
constexpr std::size_t kDim = 40;  // of the header: number of axes, then each size, 2 bytes each

TEST_F(TrainUnet3dRefuses, NothingThatIsGood) {  // else the tests below show nothing
  EXPECT_EQ(demo(training(image, label)).status, 0);
}

TEST_F(TrainUnet3dRefuses, MissingFile) {
  const std::string missing = folder / "missing.nii.gz";
  expect_refusal(training(missing, label), {missing});
  expect_refusal(training(image, missing), {missing});
}

TEST_F(TrainUnet3dRefuses, TruncatedGzip) {
  Bytes bytes = get_file(image);
  bytes.resize(bytes.size() / 2);
  expect_refusal_of("half.nii.gz", bytes, "cut off");
}

TEST_F(TrainUnet3dRefuses, GzipThatLies) {
  Bytes bytes = get_file(image);
  bytes[bytes.size() - 6] ^= std::byte{0x10};  // of the checksum
  expect_refusal_of("lie.nii.gz", bytes, "");
}

TEST_F(TrainUnet3dRefuses, HeaderWhoseSizesTheFileDoesNotHold) {
  Bytes bytes = plain_image();
  for (const std::size_t axis : {1, 2, 3}) put_int16(bytes, kDim + 2 * axis, 32000);
  expect_refusal_of("large.nii", bytes, "32000");
}

TEST_F(TrainUnet3dRefuses, ImagesOfOtherThanThreeAxes) {
  Bytes flat = plain_image();
  put_int16(flat, kDim, 2);
  put_int16(flat, kDim + 6, 1);
  expect_refusal_of("flat.nii", flat, "3D");
  Bytes series = plain_image();
  put_int16(series, kDim, 4);
  put_int16(series, kDim + 6, 8);
  put_int16(series, kDim + 8, 2);
  expect_refusal_of("series.nii", series, "3D");
}

TEST_F(TrainUnet3dRefuses, WhatIsNoNiftiFile) {
  expect_refusal_of("text.nii", Bytes(1000, std::byte{'x'}), "NIfTI");
  expect_refusal_of("empty.nii", {}, "");
}

TEST_F(TrainUnet3dRefuses, LabelOfAnotherShape) {
  const std::string other = folder / "other.nii.gz";
  write_nifti(other, make_phantom({.size = {16, 32, 18}}).mask);
  expect_refusal(training(image, other), {other, "shape"});
}

TEST_F(TrainUnet3dRefuses, LabelWithoutForeground) {
  const std::string none = folder / "none.nii.gz";
  write_nifti(none, zeros({16, 18, 32}, DType::uint8));
  expect_refusal(training(image, none), {none, "foreground"});
}

TEST_F(TrainUnet3dRefuses, NanVoxels) {
  Tensor broken = head.image.clone();
  broken.mutable_data<float>()[77] = std::numeric_limits<float>::quiet_NaN();
  const std::string path = folder / "nan.nii.gz";
  write_nifti(path, broken);
  expect_refusal(training(path, label), {path, "NaN"});
  expect_refusal(training(image, path), {path, "NaN"});
}

TEST_F(TrainUnet3dRefuses, UnwritableOut) {
  out = image + "/out";  // a file stands where a folder must be, which stops root too
  expect_refusal(training(image, label), {out});
  out = "/proc/out";
  expect_refusal(training(image, label), {out});
}

TEST_F(TrainUnet3dRefuses, WeightsOfAnotherNetwork) {
  const nn::UNet3d other({.channels = {2, 3}});
  const std::string weights = folder / "weights.safetensors";
  const Words words = {"--predict", image, "--weights", weights, "--out", out};
  expect_refusal(words, {weights});
  save_safetensors(weights, other.state_dict());
  expect_refusal(words, {weights, "another network"});
  save_safetensors(weights, other.state_dict(), {{"channels", "2"}, {"spacing", "2"}});
  expect_refusal(words, {weights, "another network"});
  Bytes bytes = get_file(weights);
  bytes.resize(bytes.size() - 5);
  put_file(weights, bytes);
  expect_refusal(words, {weights});
}

TEST_F(TrainUnet3dRefuses, BadVolumeToSegment) {
  const nn::UNet3d net({.channels = {2, 4, 8}});
  const std::string weights = folder / "weights.safetensors", path = folder / "half.nii.gz";
  save_safetensors(weights, net.state_dict(), {{"channels", "2"}, {"spacing", "2"}});
  Bytes bytes = get_file(image);
  bytes.resize(bytes.size() / 2);
  put_file(path, bytes);
  expect_refusal({"--predict", path, "--weights", weights, "--out", out}, {path});
  write_nifti(path, zeros({2, 18, 32}));
  expect_refusal({"--predict", path, "--weights", weights, "--out", out}, {path, "at least"});
}

TEST_F(TrainUnet3dRefuses, ToResumeWhatIsNoRun) {
  expect_refusal({"--resume", out}, {out});
  fs::create_directory(out);
  put_file(out + "/checkpoint.safetensors", "no checkpoint");
  expect_refusal({"--resume", out}, {out});
  EXPECT_EQ(names_in(out), Words{"checkpoint.safetensors"});
}

TEST_F(TrainUnet3dRefuses, ToResumeAtAStepThatTheRunCannotHaveReached) {
  ASSERT_EQ(demo(training(image, label)).status, 0);
  const std::string path = out + "/checkpoint.safetensors";
  const SafetensorsFile good = load_safetensors(path);
  const Bytes log = get_file(out + "/run.csv");
  for (const std::int64_t step : {-1, 0, 7}) {
    SafetensorsFile bad = good;
    for (auto& [name, tensor] : bad.tensors)
      if (name == "step") tensor = Tensor::from(std::vector<std::int64_t>{step}, {});
    save_safetensors(path, bad.tensors, bad.metadata);
    expect_refusal({"--resume", out}, {path});
    EXPECT_EQ(get_file(out + "/run.csv"), log);
  }
}

TEST_F(TrainUnet3dRefuses, ToResumeWithOtherDataThanTheRunBeganWith) {
  const Words words = training(image, label);
  ASSERT_EQ(demo(words).status, 0);
  const Bytes before = get_file(image);
  Tensor other = head.image.clone();
  other.mutable_data<float>()[100] += 1;
  write_nifti(image, other);
  expect_refusal({"--resume", out}, {"--resume: the image must be as it was"});
  put_file(image, before);
  Tensor mask = head.mask.clone();
  mask.mutable_data<std::uint8_t>()[100] ^= 1;
  write_nifti(label, mask);
  expect_refusal({"--resume", out}, {"--resume: the label must be as it was"});
}

TEST_F(TrainUnet3dRefuses, ToStopWhereTheRunHasBeen) {
  ASSERT_EQ(demo(training(image, label)).status, 0);
  expect_refusal({"--resume", out, "--stop-after", "1"},
                 {"--stop-after: must be beyond the 1 steps that the run has done; got 1"});
}

TEST_F(TrainUnet3dRefuses, WeightsThatAreNotFinite) {
  nn::UNet3d net({.channels = {2, 4, 8}});
  {
    const NoGrad guard;
    net.parameters()[1].fill_(std::numeric_limits<double>::quiet_NaN());
  }
  const std::string weights = folder / "weights.safetensors";
  save_safetensors(weights, net.state_dict(), {{"channels", "2"}, {"spacing", "1"}});
  expect_refusal({"--predict", image, "--weights", weights, "--out", out}, {weights, "finite"});
}

TEST_F(TrainUnet3dRefuses, UnknownOption) { expect_refusal({"--stpes", "3"}, {"--stpes"}); }

// ---- the real thing

// Optimised and without sanitizers: it takes minutes even so.
#if defined(__OPTIMIZE__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
constexpr bool kFastBuild = true;
#else
constexpr bool kFastBuild = false;
#endif

TEST(TrainUnet3d, FindsTheBrainOfARealHead) {
  if (!full_run() || !kFastBuild) GTEST_SKIP() << "for the full run of optimised builds";
  if (!fs::exists("/usr/share/mricron/templates/ch2bet.nii.gz"))
    GTEST_SKIP() << "needs Debian's package mricron-data";
  const TemporaryFolder folder;
  const Outcome outcome = demo({"--out", folder / "out"});
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  const auto figures = figures_in(folder / "out/results.csv");
  EXPECT_GE(figures.at("dice"), 0.955);
  EXPECT_GE(figures.at("dice_front_to_back"), 0.94);
  EXPECT_GE(figures.at("dice_cropped"), 0.94);
  EXPECT_GT(figures.at("dice"), figures.at("baseline_threshold"));
  EXPECT_GT(figures.at("dice"), figures.at("baseline_mirrored"));
}

}  // namespace
}  // namespace voxgrad::test
