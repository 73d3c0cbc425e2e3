// The demo as a process: what it says to bad input.
#include <voxgrad/voxgrad.h>

#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <string>
#include <vector>

#include "examples/support/run_log.h"
#include "tests/examples/train_unet3d_run.h"
#include "tests/support/paths.h"
#include "tests/support/process.h"
#include "tests/support/temporary_folder.h"

namespace voxgrad::test {
namespace {

namespace fs = std::filesystem;

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

}  // namespace
}  // namespace voxgrad::test
