#include "examples/support/options.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "examples/support/run_main.h"
#include "tests/support/temporary_folder.h"

namespace voxgrad::examples {
namespace {

using Words = std::vector<std::string>;

template <typename Parse>
auto with_words(Parse parse, const Words& words) {
  std::vector<const char*> argv = {"program"};
  for (const std::string& word : words) argv.push_back(word.c_str());
  return parse(static_cast<int>(argv.size()), argv.data());
}

TrainOptions parsed(const Words& words) { return with_words(parse_train_options, words).value(); }

std::string complaint(const Words& words) {
  return test::message_of<UsageError>([&] { with_words(parse_train_options, words); });
}

std::string help(auto parse) {
  testing::internal::CaptureStdout();
  EXPECT_FALSE(with_words(parse, {"--help"}).has_value());
  return testing::internal::GetCapturedStdout();
}

TEST(TrainOptions, DefaultsHoldWithoutArguments) {
  const TrainOptions options = parsed({});
  EXPECT_EQ(options.out, "out");
  EXPECT_EQ(options.crop, (std::array<std::int64_t, 3>{80, 96, 40}));
  EXPECT_EQ(options.device, Device{});
  EXPECT_TRUE(options.given.empty());
}

TEST(TrainOptions, TakesEveryOption) {
  const TrainOptions options = parsed({"--image",
                                       "a.nii",
                                       "--label=b.nii",
                                       "--out",
                                       "o",
                                       "--steps",
                                       "7",
                                       "--minutes",
                                       "1.5",
                                       "--stop-after",
                                       "3",
                                       "--seed",
                                       "18446744073709551615",
                                       "--learning-rate",
                                       "1e-3",
                                       "--crop",
                                       "8",
                                       "16",
                                       "24",
                                       "--channels",
                                       "4",
                                       "--spacing",
                                       "0.5",
                                       "--device",
                                       "cuda:1",
                                       "--threads",
                                       "2"});
  EXPECT_EQ(options.image, "a.nii");
  EXPECT_EQ(options.label, "b.nii");
  EXPECT_EQ(options.out, "o");
  EXPECT_EQ(options.steps, 7);
  EXPECT_EQ(options.minutes, 1.5);
  EXPECT_EQ(options.stop_after, 3);
  EXPECT_EQ(options.seed, 18446744073709551615U);
  EXPECT_EQ(options.learning_rate, 1e-3);
  EXPECT_EQ(options.crop, (std::array<std::int64_t, 3>{8, 16, 24}));
  EXPECT_EQ(options.channels, 4);
  EXPECT_EQ(options.spacing, 0.5);
  EXPECT_EQ(options.device, (Device{DeviceType::cuda, 1}));
  EXPECT_EQ(options.threads, 2);
  EXPECT_EQ(options.given.size(), 13U);
}

TEST(TrainOptions, CropIsOneWordToo) {
  EXPECT_EQ(parsed({"--crop", "8x16x24", "--seed", "1"}).crop,
            (std::array<std::int64_t, 3>{8, 16, 24}));
}

TEST(TrainOptions, LastOfTwoCounts) {
  EXPECT_EQ(parsed({"--steps", "7", "--steps", "9"}).steps, 9);
  EXPECT_EQ(parsed({"--crop", "8", "8", "8", "--crop", "16", "16", "24"}).crop[2], 24);
}

TEST(TrainOptions, HelpListsEveryOptionWithItsDefault) {
  const std::string text = help(parse_train_options);
  for (const char* part :
       {"--image FILE",       "--label FILE",      "--predict FILE",  "--weights FILE",
        "--resume DIR",       "--phantom ",        "--out DIR",       "(default out)",
        "--steps N",          "(default 650)",     "--minutes X",     "--stop-after N",
        "--seed N",           "--learning-rate X", "(default 0.005)", "--crop D H W",
        "(default 80 96 40)", "--channels N",      "--spacing X",     "--device DEVICE",
        "(default cpu)",      "--threads N",       "(default off)",   "mricron-data"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << " in:\n" << text;
  }
}

TEST(TrainOptions, NumbersAreRangeChecked) {
  const std::vector<Words> wrong = {
      {"--steps", "0"},
      {"--steps", "-5"},
      {"--steps", "x"},
      {"--steps", "7.5"},
      {"--steps", "99999999999999999999"},
      {"--minutes", "-1"},
      {"--minutes", "nan"},
      {"--seed", "-1"},
      {"--seed", "18446744073709551616"},
      {"--learning-rate", "0"},
      {"--learning-rate", "inf"},
      {"--learning-rate", "1x"},
      {"--crop", "8", "8"},
      {"--crop", "8", "8", "9"},
      {"--crop", "8x8x8x8"},
      {"--crop", "0x8x8"},
      {"--crop", "8x8x"},
      {"--crop", "8", "8", "2048"},
      {"--channels", "0"},
      {"--spacing", "0"},
      {"--threads", "-1"},
      {"--threads", "1025"},
      {"--device", "gpu"},
      {"--device", "cuda:"},
      {"--out", ""},
  };
  for (const Words& words : wrong) {
    const std::string message = complaint(words);
    EXPECT_EQ(message.find(words[0] + ": must"), 0U)
        << words[0] << " " << words[1] << ": " << message;
    EXPECT_EQ(message.find('\n'), std::string::npos);
  }
}

TEST(TrainOptions, UnknownAndIncompleteArgumentsAreNamed) {
  EXPECT_NE(complaint({"--stepz", "5"}).find("--stepz"), std::string::npos);
  EXPECT_NE(complaint({"brain.nii"}).find("brain.nii"), std::string::npos);
  EXPECT_EQ(complaint({"--steps"}).find("--steps: needs a value"), 0U) << complaint({"--steps"});
  EXPECT_EQ(complaint({"--image", "--label", "x"}), "--image: needs a value; got --label");
}

TEST(TrainOptions, WhatDoesNotGoTogetherIsRefused) {
  const std::vector<std::pair<Words, std::string>> wrong = {
      {{"--image", "a"}, "--label"},
      {{"--label", "a"}, "--image"},
      {{"--predict", "a"}, "--weights"},
      {{"--weights", "a"}, "--predict"},
      {{"--phantom", "--image", "a", "--label", "b"}, "--phantom"},
      {{"--predict", "a", "--weights", "b", "--steps", "3"}, "leave out --steps"},
      {{"--predict", "a", "--weights", "b", "--phantom"}, "leave out --phantom"},
      {{"--predict", "a", "--weights", "b", "--resume", "c"}, "--resume"},
      {{"--resume", "a", "--out", "b"}, "--out b"},
  };
  for (const auto& [words, part] : wrong) {
    const std::string message = complaint(words);
    EXPECT_NE(message.find(part), std::string::npos) << words[0] << ": " << message;
  }
  EXPECT_EQ(complaint({"--predict", "a", "--weights", "b", "--out", "c", "--threads", "1"}), "");
}

TEST(TrainOptions, ResumingWritesToTheRunsFolder) {
  EXPECT_EQ(parsed({"--resume", "some/run/"}).out, "some/run/");
  EXPECT_EQ(complaint({"--resume", "some/run/", "--out", "some/run"}), "");
}

TEST(ResumedOptions, TakesTheSettingsOfTheRun) {
  const TrainOptions run =
      parsed({"--image", "a.nii", "--label", "b.nii", "--steps", "70", "--seed", "9", "--crop",
              "8x16x24", "--learning-rate", "0.1", "--threads", "1", "--spacing", "0.7"});
  const TrainOptions resumed = resumed_options(
      parsed({"--resume", "run", "--threads", "2", "--stop-after", "5"}), run_settings(run));
  EXPECT_EQ(run_settings(resumed), run_settings(run));
  EXPECT_EQ(resumed.learning_rate, 0.1);
  EXPECT_EQ(resumed.out, "run");
  EXPECT_EQ(resumed.resume, "run");
  EXPECT_EQ(resumed.threads, 2);
  EXPECT_EQ(resumed.stop_after, 5);
}

TEST(ResumedOptions, AcceptsTheSameSettingsAndRefusesOthers) {
  const auto settings = run_settings(parsed({"--phantom", "--steps", "70"}));
  const auto message = [&](Words words) {
    words.insert(words.end(), {"--resume", "run"});
    return test::message_of<UsageError>([&] { resumed_options(parsed(words), settings); });
  };
  EXPECT_EQ(message({"--steps", "70", "--phantom"}), "");
  EXPECT_EQ(message({"--steps", "71"}),
            "--resume: --steps must be the run's own, 70, or left out; got 71");
  EXPECT_NE(message({"--image", "a", "--label", "b"}).find("own, none"), std::string::npos);
}

TEST(ResumedOptions, RefusesSettingsThatAreNotThoseOfARun) {
  const auto good = run_settings(parsed({"--phantom", "--steps", "70"}));
  const auto is_refused = [&](const std::map<std::string, std::string>& settings) {
    return test::message_of<UsageError>([&] {
             resumed_options(parsed({"--resume", "run"}), settings);
           }).find("--resume: the checkpoint must hold") == 0;
  };
  EXPECT_FALSE(is_refused(good));
  EXPECT_TRUE(is_refused({}));
  for (const auto& [name, value] : good) {
    if (name == "--phantom") continue;  // without it, it is a run on the default volume
    auto fewer = good;
    fewer.erase(name);
    EXPECT_TRUE(is_refused(fewer)) << name;
  }
  for (const char* name : {"--resume", "--out", "--stop-after"}) {
    auto more = good;
    more[name] = "1";
    EXPECT_TRUE(is_refused(more)) << name;
  }
}

TEST(AutoencoderOptions, ParsesAndChecks) {
  const auto options = with_words(parse_autoencoder_options, {"--epochs", "2", "--images", "100",
                                                              "--data", "d", "--batch", "5"});
  EXPECT_EQ(options->epochs, 2);
  EXPECT_EQ(options->images, 100);
  EXPECT_EQ(options->data, "d");
  EXPECT_EQ(options->batch, 5);
  EXPECT_THROW(with_words(parse_autoencoder_options, {"--epochs", "0"}), UsageError);
  const std::string text = help(parse_autoencoder_options);
  for (const char* part : {"--data DIR", "--out DIR", "--epochs N", "--batch N", "--images N",
                           "--learning-rate X", "--seed N", "--threads N"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part;
  }
}

TEST(DeviceOption, IsCheckedBeforeAnythingElse) {
  EXPECT_EQ(with_words(parse_autoencoder_options, {"--device", "cuda:2"})->device,
            (Device{DeviceType::cuda, 2}));
  EXPECT_NO_THROW(check_device({}));
  EXPECT_THROW(check_device({DeviceType::cuda, 1000}), UsageError);
}

}  // namespace
}  // namespace voxgrad::examples
