#include <voxgrad/io/gzip.h>

#include <gtest/gtest.h>

#include <voxgrad/core/error.h>

#include "tests/support/temporary_folder.h"

namespace voxgrad {
namespace {

using Bytes = std::vector<std::byte>;

Bytes operator+(Bytes bytes, const Bytes& more) {
  bytes.insert(bytes.end(), more.begin(), more.end());
  return bytes;
}

class Gzip : public testing::Test {
 protected:
  // What the reader makes of a file of these bytes, read in parts of `part`.
  Bytes read(const Bytes& file, std::size_t part = 1 << 20) const {
    test::put_file(path, file);
    GzipReader reader("read", path);
    Bytes all, piece(part);
    while (const std::size_t count = reader.read(piece))
      all.insert(all.end(), piece.begin(), piece.begin() + static_cast<std::ptrdiff_t>(count));
    return all;
  }

  std::string error(const Bytes& file) const {
    const std::string start = "read: " + path + ": ";
    const std::string text = test::message_of<FileError>([&] { read(file); });
    return text.starts_with(start) ? text.substr(start.size()) : text;
  }

  // More than one of the reader's chunks, packed and not.
  static Bytes content() {
    Bytes bytes(500'000);
    std::uint32_t state = 1;
    for (std::byte& b : bytes)
      b = static_cast<std::byte>((state = state * 1664525 + 1013904223) >> 24);
    return bytes;
  }

  const test::TemporaryFolder folder;
  const std::string path = folder / "a";
  const Bytes bytes = content();
  const Bytes packed = gzip_compress({bytes});
};

TEST_F(Gzip, ReadsPackedAndPlainFilesInPartsOfAnySize) {
  for (const std::size_t part : {999, 131072, 131073, 1 << 20}) {
    EXPECT_EQ(read(packed, part), bytes) << part;
    EXPECT_EQ(read(bytes, part), bytes) << part;
  }
  EXPECT_EQ(read({}), Bytes());
  EXPECT_EQ(read(gzip_compress({})), Bytes());
  EXPECT_EQ(read({std::byte{0x1f}}), Bytes{std::byte{0x1f}});
}

TEST_F(Gzip, BeginsAgainWhereverItWas) {
  test::put_file(path, packed);
  GzipReader reader("read", path);
  for (const std::size_t count : {10, 400'000, 500'000}) {
    Bytes part(count);
    EXPECT_EQ(reader.read(part), count);
    EXPECT_TRUE(std::equal(part.begin(), part.end(), bytes.begin()));
    reader.rewind();
  }
  EXPECT_EQ(reader.skip_to_end(), bytes.size());
  EXPECT_EQ(reader.skip_to_end(), 0U);
}

TEST_F(Gzip, ReadsSeveralMembersAndZerosAfterThem) {
  EXPECT_EQ(read(packed + packed), bytes + bytes);
  EXPECT_EQ(read(packed + Bytes(200'000)), bytes);
}

TEST_F(Gzip, RefusesOtherBytesAfterTheMembers) {
  for (const std::size_t zeros : {0, 1, 200'000}) {
    EXPECT_EQ(error(packed + Bytes(zeros) + Bytes{std::byte{'x'}}),
              "is damaged: other bytes follow its gzip data")
        << zeros;
  }
  EXPECT_EQ(error(packed + Bytes{std::byte{0x1f}, std::byte{'x'}}),
            "is damaged: its gzip data does not decompress or fails its checksum");
}

TEST_F(Gzip, NoticesEveryCut) {
  const Bytes small = gzip_compress({std::span(bytes).first(50)});
  for (std::size_t size = 2; size < small.size(); ++size) {
    const Bytes cut(small.begin(), small.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_EQ(error(cut), "is cut off: its gzip data ends too early") << size;
    EXPECT_EQ(error(packed + cut), "is cut off: its gzip data ends too early") << size;
  }
}

}  // namespace
}  // namespace voxgrad
