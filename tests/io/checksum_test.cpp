#include <voxgrad/io/checksum.h>

#include <gtest/gtest.h>

#include <string_view>

namespace voxgrad {
namespace {

std::uint32_t checksum_of(std::string_view text, std::uint32_t before = 0) {
  return checksum(std::as_bytes(std::span(text)), before);
}

TEST(Checksum, IsTheCrc32OfTheCataloguesCheckValue) {
  EXPECT_EQ(checksum_of("123456789"), 0xCBF43926U);
  EXPECT_EQ(checksum({}), 0U);
}

TEST(Checksum, GoesOnWhereTheBytesBeforeEnded) {
  EXPECT_EQ(checksum_of("56789", checksum_of("1234")), checksum_of("123456789"));
  EXPECT_EQ(checksum({}, 7), 7U);
}

}  // namespace
}  // namespace voxgrad
