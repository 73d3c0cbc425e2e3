#include <voxgrad/io/idx.h>

#include <gtest/gtest.h>

#include <filesystem>

#include <voxgrad/core/error.h>
#include <voxgrad/io/gzip.h>

#include "tests/support/temporary_folder.h"

namespace voxgrad {
namespace {

using test::message_of;
using test::TemporaryFolder;

std::vector<std::byte> bytes_of(std::initializer_list<int> values) {
  std::vector<std::byte> bytes;
  for (const int value : values) bytes.push_back(static_cast<std::byte>(value));
  return bytes;
}

const auto kTwoByThree = bytes_of({0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 255});

TEST(Idx, ReadsPlainAndCompressedFiles) {
  const TemporaryFolder folder;
  test::put_file(folder / "plain", kTwoByThree);
  test::put_file(folder / "packed.gz", gzip_compress({kTwoByThree}));
  for (const char* name : {"plain", "packed.gz"}) {
    const Tensor tensor = read_idx(folder / name);
    EXPECT_EQ(tensor.shape(), (Shape{2, 3}));
    EXPECT_EQ(tensor.to_vector<std::uint8_t>(), (std::vector<std::uint8_t>{1, 2, 3, 4, 5, 255}));
  }
}

TEST(Idx, ReadsNoElements) {
  const TemporaryFolder folder;
  test::put_file(folder / "none", bytes_of({0, 0, 8, 1, 0, 0, 0, 0}));
  EXPECT_EQ(read_idx(folder / "none").shape(), (Shape{0}));
}

TEST(Idx, NamesWhatIsWrong) {
  const TemporaryFolder folder;
  const std::string path = folder / "a";
  const auto message = [&](const std::vector<std::byte>& bytes) {
    test::put_file(path, bytes);
    return message_of<FileError>([&] { read_idx(path); });
  };
  const std::string start = "read_idx: " + path + ": ";
  auto longer = kTwoByThree;
  longer.push_back({});
  EXPECT_EQ(message(longer), start + "must hold the 6 bytes of its sizes [2, 3]; got 7");
  EXPECT_EQ(message(bytes_of({0, 0, 8, 1, 0, 0, 0, 2, 1})),
            start + "must hold the 2 bytes of its sizes [2]; got 1");
  EXPECT_EQ(message({}), start + "is shorter than an IDX header");
  EXPECT_EQ(message(bytes_of({0, 0, 8, 2, 0, 0, 0, 2, 0})),
            start + "is shorter than its IDX header");
  EXPECT_EQ(message(bytes_of({0, 1, 8, 1, 0, 0, 0, 1, 1})), start + "is no IDX file");
  EXPECT_EQ(message(bytes_of({0, 0, 13, 1, 0, 0, 0, 0})),
            start + "must hold unsigned bytes (type 0x08); got type 0x0d");
  EXPECT_EQ(message(bytes_of({0, 0, 8, 0})), start + "must have 1 to 8 axes; got 0");
  EXPECT_EQ(
      message(bytes_of({0, 0, 8, 3, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255})),
      start + "has impossible sizes; got [4294967295, 4294967295, 4294967295]");
  EXPECT_EQ(message_of<FileError>([&] { read_idx(folder / "none"); }),
            "read: " + (folder / "none") + ": No such file or directory");
}

TEST(Idx, NamesADamagedOrCutGzip) {
  const TemporaryFolder folder;
  const auto packed = gzip_compress({kTwoByThree});
  for (std::size_t size = 2; size < packed.size(); ++size) {
    test::put_file(folder / "cut", std::span(packed).first(size));
    EXPECT_THROW(read_idx(folder / "cut"), FileError) << size;
  }
  auto lies = packed;
  lies[packed.size() - 1] ^= std::byte{1};  // the length at its end
  test::put_file(folder / "lies", lies);
  EXPECT_THROW(read_idx(folder / "lies"), FileError);
}

TEST(Idx, ReadsFashionMnistWhereItIsInstalled) {
  const std::string folder = "/usr/share/datasets/fashion-mnist/";
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << "dataset-fashion-mnist is not installed";
  EXPECT_EQ(read_idx(folder + "t10k-images-idx3-ubyte.gz").shape(), (Shape{10000, 28, 28}));
  const Tensor labels = read_idx(folder + "t10k-labels-idx1-ubyte.gz");
  EXPECT_EQ(labels.shape(), (Shape{10000}));
  EXPECT_EQ(labels.data<std::uint8_t>()[0], 9);
}

}  // namespace
}  // namespace voxgrad
