// A NIfTI-1 file built byte by byte, and the fixture of the tests that read and write such files.
#pragma once

#include <voxgrad/io/nifti.h>

#include <gtest/gtest.h>

#include <cstring>
#include <initializer_list>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include <voxgrad/core/error.h>

#include "tests/support/temporary_folder.h"

namespace voxgrad::test {

// Where the header's fields lie in the file (NIfTI-1).
enum NiftiField {
  kSize = 0,
  kDim = 40,
  kDatatype = 70,
  kBitpix = 72,
  kPixdim = 76,
  kOffset = 108,
  kSlope = 112,
  kIntercept = 116,
  kUnits = 123,
  kQform = 252,
  kSform = 254,
  kQuatern = 256,
  kRows = 280,
  kMagic = 344
};

template <typename T>
void put(std::vector<std::byte>& file, int at, std::initializer_list<T> values) {
  for (const T value : values) {
    std::memcpy(file.data() + at, &value, sizeof value);
    at += static_cast<int>(sizeof value);
  }
}

// A 5 x 3 x 2 (x, y, z) volume of uint8 0, 1, ..., built byte by byte.
inline std::vector<std::byte> small_file() {
  std::vector<std::byte> file(352 + 30);
  put<std::int32_t>(file, kSize, {348});
  put<std::int16_t>(file, kDim, {3, 5, 3, 2, 1, 1, 1, 1});
  put<std::int16_t>(file, kDatatype, {2, 8});
  put<float>(file, kPixdim, {1, 2, 3, 4});
  put<float>(file, kOffset, {352});
  put<char>(file, kMagic, {'n', '+', '1', '\0'});
  for (std::size_t i = 0; i < 30; ++i) file[352 + i] = static_cast<std::byte>(i);
  return file;
}

class NiftiTest : public testing::Test {
 protected:
  NiftiImage read(const std::vector<std::byte>& file) const {
    put_file(path_, file);
    return read_nifti(path_);
  }

  // The error's text without its start, "read_nifti: PATH: ".
  std::string error(const std::vector<std::byte>& file) const {
    put_file(path_, file);
    const std::string start = "read_nifti: " + path_ + ": ";
    const std::string text = message_of<FileError>([&] { read_nifti(path_); });
    EXPECT_TRUE(text.starts_with(start)) << text;
    return text.size() < start.size() ? text : text.substr(start.size());
  }

  template <typename T>
  std::string error(int at, std::initializer_list<T> values) const {
    auto file = small_file();
    put<T>(file, at, values);
    return error(file);
  }

  const TemporaryFolder folder_;
  const std::string path_ = folder_ / "a.nii";
};

/// -3.5, -2.5, ...
inline Tensor counting(Shape shape) {
  Tensor tensor = Tensor::empty(std::move(shape));
  std::iota(tensor.mutable_data<float>(), tensor.mutable_data<float>() + tensor.numel(), -3.5F);
  return tensor;
}

}  // namespace voxgrad::test
