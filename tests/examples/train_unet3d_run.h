// The 3D demo as a process, for its tests.
#pragma once

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/support/process.h"

namespace voxgrad::test {

using Words = std::vector<std::string>;
using Bytes = std::vector<std::byte>;

inline Outcome demo(const Words& words) { return run_program("train_unet3d", words); }

inline Words operator+(Words words, const Words& more) {
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

// A network and a volume small enough for the sanitizers.
inline const Words kTiny = {"--crop", "16x16x8", "--channels", "2"};
inline Words phantom_run(const std::string& out, const std::string& steps) {
  return Words{"--phantom", "--spacing", "6", "--steps", steps, "--out", out} + kTiny;
}

inline Words names_in(const std::string& folder) {
  Words names;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    names.push_back(entry.path().filename().string());
  std::ranges::sort(names);
  return names;
}

}  // namespace voxgrad::test
