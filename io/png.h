// PNG pictures of 8 bits per channel.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace [[gnu::visibility("default")]] voxgrad {

struct Picture {
  int width = 0;
  int height = 0;
  int channels = 1;                  ///< 1 grey, 3 red-green-blue
  std::vector<std::uint8_t> pixels;  ///< (height, width, channels), top row first
};

/// Writes atomically. @throws ShapeError when the sizes are not positive or do not fit the pixels,
/// FileError when the file cannot be written.
void write_png(const std::string& path, const Picture& picture);

/// Reads any PNG file: grey ones with 1 channel, all others with 3; transparency is laid over
/// black.
/// @throws FileError naming the file when it is missing, damaged or above 2^28 pixels; sizes that
/// the file is too short for are refused before memory is allocated for them.
Picture read_png(const std::string& path);

}  // namespace voxgrad
