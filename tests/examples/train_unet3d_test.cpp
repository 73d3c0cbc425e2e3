// The demo as a process: what it writes, and that an interrupted run continues with the same bits.
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
#include "tests/examples/train_unet3d_run.h"
#include "tests/support/paths.h"
#include "tests/support/process.h"
#include "tests/support/temporary_folder.h"

namespace voxgrad::test {
namespace {

namespace fs = std::filesystem;

const Words kOutputs = {"checkpoint.safetensors",
                        "curves.png",
                        "prediction.nii.gz",
                        "results.csv",
                        "run.csv",
                        "slices.png",
                        "weights.safetensors"};

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

TEST(TrainUnet3d, TrainsOnAGpuAsOnTheCpu) {
  if (device_count(DeviceType::cuda) == 0)
    GTEST_SKIP() << "there is no GPU, not even an emulated one";
  const TemporaryFolder folder;
  std::vector<std::vector<examples::RunLogRow>> logs;
  for (const std::string device : {"cpu", "cuda"}) {
    const Outcome outcome = demo(phantom_run(folder / device, "2") + Words{"--device", device});
    ASSERT_EQ(outcome.status, 0) << outcome.err;
    EXPECT_TRUE(is_png(folder / device + "/slices.png"));
    logs.push_back(examples::read_run_log(folder / device + "/run.csv"));
  }
  ASSERT_EQ(logs[0].size(), 2U);
  ASSERT_EQ(logs[1].size(), 2U);
  for (std::size_t i = 0; i < 2; ++i) EXPECT_NEAR(logs[1][i].loss, logs[0][i].loss, 1e-5);
}

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
