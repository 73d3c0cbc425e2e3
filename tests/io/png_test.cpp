#include <voxgrad/io/png.h>

#include <gtest/gtest.h>

#include <voxgrad/core/error.h>
#include <voxgrad/io/checksum.h>

#include "tests/support/temporary_folder.h"

namespace voxgrad {
namespace {

using test::message_of;
using test::TemporaryFolder;

Picture pattern(int width, int height, int channels) {
  Picture picture{width, height, channels, {}};
  for (int i = 0; i < width * height * channels; ++i) {
    picture.pixels.push_back(static_cast<std::uint8_t>(i * 37 + 11));
  }
  return picture;
}

TEST(Png, ReadsBackGreyAndColour) {
  const TemporaryFolder folder;
  for (const int channels : {1, 3}) {
    const Picture written = pattern(7, 5, channels);
    write_png(folder / "a.png", written);
    const Picture read = read_png(folder / "a.png");
    EXPECT_EQ(read.width, 7);
    EXPECT_EQ(read.height, 5);
    EXPECT_EQ(read.channels, channels);
    EXPECT_EQ(read.pixels, written.pixels);
  }
}

TEST(Png, RefusesSizesThatDoNotFitThePixels) {
  const TemporaryFolder folder;
  Picture picture = pattern(3, 2, 1);
  picture.pixels.pop_back();
  EXPECT_THROW(write_png(folder / "a.png", picture), ShapeError);
  EXPECT_THROW(write_png(folder / "a.png", pattern(0, 2, 1)), ShapeError);
  EXPECT_THROW(write_png(folder / "a.png", pattern(3, 2, 2)), ShapeError);
  EXPECT_THROW(write_png(folder / "a.png", Picture{-1, -1, 1, {0}}), ShapeError);
  EXPECT_TRUE(folder.list().empty());
}

TEST(Png, ReportsFilesThatCannotBeWrittenOrRead) {
  const TemporaryFolder folder;
  EXPECT_THROW(write_png(folder / "none/a.png", pattern(2, 2, 1)), FileError);
  EXPECT_THROW(read_png(folder / "none.png"), FileError);
  test::put_file(folder / "text.png", "no picture at all");
  EXPECT_NE(message_of<FileError>([&] { read_png(folder / "text.png"); }), "");
}

// The bytes of a picture of 1 pixel that says it has `side` x `side`.
std::vector<std::byte> lying_png(const TemporaryFolder& folder, std::uint32_t side) {
  write_png(folder / "a.png", pattern(1, 1, 1));
  std::vector<std::byte> bytes = test::get_file(folder / "a.png");
  const auto put = [&](std::size_t at, std::uint32_t value) {
    for (std::size_t i = 0; i < 4; ++i) bytes[at + i] = std::byte(value >> (24 - 8 * i) & 255);
  };
  put(16, side);
  put(20, side);
  put(29, checksum(std::span(bytes).subspan(12, 17)));
  return bytes;
}

TEST(Png, AllocatesNothingForAHeaderThatLies) {
  const TemporaryFolder folder;
  const auto bytes = lying_png(folder, 16384);
  test::put_file(folder / "lie.png", bytes);
  EXPECT_EQ(message_of<FileError>([&] { read_png(folder / "lie.png"); }),
            "read_png: " + (folder / "lie.png") + ": is cut off or damaged: " +
                std::to_string(bytes.size()) + " bytes cannot hold its 16384 x 16384 pixels");
}

TEST(Png, ReadsWhatIsPackedTightest) {
  const TemporaryFolder folder;
  const Picture black{4096, 4096, 1, std::vector<std::uint8_t>(4096 * 4096)};
  write_png(folder / "a.png", black);
  EXPECT_EQ(read_png(folder / "a.png").pixels, black.pixels);
}

TEST(Png, DamagedFilesGiveAnErrorOrAPicture) {
  const TemporaryFolder folder;
  write_png(folder / "a.png", pattern(9, 8, 3));
  const auto good = test::get_file(folder / "a.png");
  for (std::size_t i = 0; i < good.size(); ++i) {
    auto bad = good;
    bad[i] ^= std::byte{0x41};
    test::put_file(folder / "bad.png", bad);
    try {
      read_png(folder / "bad.png");
    } catch (const FileError&) {
    }
    // Without its last chunk, which holds nothing, the picture is still whole; anything less is an
    // error.
    test::put_file(folder / "cut.png", std::span(good).first(i));
    try {
      EXPECT_EQ(read_png(folder / "cut.png").pixels, pattern(9, 8, 3).pixels) << i;
    } catch (const FileError&) {
    }
  }
}

}  // namespace
}  // namespace voxgrad
