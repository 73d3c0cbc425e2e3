#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include <voxgrad/core/allocator.h>
#include <voxgrad/core/backend.h>
#include <voxgrad/core/error.h>

namespace voxgrad {
namespace {

constexpr Device kCpu{};
constexpr std::size_t kMiB = std::size_t{1} << 20;

/// A block that goes back at the end of the test.
class Block {
 public:
  explicit Block(std::size_t bytes) : bytes_(bytes), data_(backend(kCpu).allocate(bytes)) {}
  ~Block() { backend(kCpu).release(data_, bytes_); }
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;
  unsigned char* data() const { return static_cast<unsigned char*>(data_); }
  bool holds(unsigned char value) const {
    return std::all_of(data(), data() + bytes_, [=](auto byte) { return byte == value; });
  }

 private:
  const std::size_t bytes_;
  void* const data_;
};

/// Restores the setting, which the test program may have turned on.
class FillScope {
 public:
  explicit FillScope(bool on) : before_(fill_fresh_memory()) { set_fill_fresh_memory(on); }
  ~FillScope() { set_fill_fresh_memory(before_); }

 private:
  const bool before_;
};

TEST(CpuBackend, AlignsLargeBlocksToHugePages) {
  for (const std::size_t bytes : {kMiB + 1, 2 * kMiB, 7 * kMiB}) {
    const Block block(bytes);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(block.data()) % (2 * kMiB), 0U);
    backend(kCpu).fill(block.data(), std::byte{7}, bytes);
    EXPECT_TRUE(block.holds(7));
  }
}

TEST(CpuBackend, RefusesAbsurdSizesWithOutOfMemory) {
  for (const int exponent : {44, 50, 60, 62, 63}) {
    EXPECT_THROW(backend(kCpu).allocate(std::size_t{1} << exponent), OutOfMemoryError) << exponent;
  }
  EXPECT_THROW(backend(kCpu).allocate(~std::size_t{0}), OutOfMemoryError);
}

TEST(CpuBackend, RefusesMoreInAllThanTheMachineHas) {
#if defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "to poison so much memory takes real memory";
#endif
  const FillScope scope(false);  // filling would take the memory for real
  std::vector<void*> blocks;
  constexpr std::size_t kBytes = std::size_t{8} << 30;  // never touched
  EXPECT_THROW(
      {
        for (int i = 0; i < 100000; ++i) blocks.push_back(backend(kCpu).allocate(kBytes));
      },
      OutOfMemoryError);
  for (void* block : blocks) backend(kCpu).release(block, kBytes);
  backend(kCpu).empty_cache();
}

TEST(CpuBackend, FillsFreshMemoryWhenAsked) {
  for (const std::size_t bytes : {std::size_t{100}, 3 * kMiB}) {
    const FillScope scope(true);
    {
      const Block used(bytes);
      backend(kCpu).fill(used.data(), std::byte{1}, bytes);
    }
    const Block block(bytes);
    EXPECT_TRUE(block.holds(0xFF));
  }
}

TEST(CpuBackend, CopiesAndFillsAllBytes) {
  for (const std::size_t bytes :
       {std::size_t{0}, std::size_t{1}, std::size_t{1000}, 5 * kMiB + 3}) {
    const Block from(bytes);
    const Block to(bytes);
    for (std::size_t i = 0; i < bytes; ++i) from.data()[i] = static_cast<unsigned char>(i * 7);
    backend(kCpu).copy(to.data(), kCpu, from.data(), kCpu, bytes);
    EXPECT_TRUE(std::equal(from.data(), from.data() + bytes, to.data())) << bytes;
    backend(kCpu).fill(to.data(), std::byte{0xA5}, bytes);
    EXPECT_TRUE(to.holds(0xA5));
  }
}

TEST(CpuBackend, ReportsCurrentAndPeakBytes) {
  backend(kCpu).reset_peak_memory_stats();
  const MemoryStats before = backend(kCpu).memory_stats();
  EXPECT_EQ(before.peak, before.current);
  {
    const Block block(3 * kMiB);
    EXPECT_EQ(backend(kCpu).memory_stats().current, before.current + 3 * kMiB);
  }
  const MemoryStats after = backend(kCpu).memory_stats();
  EXPECT_EQ(after.current, before.current);
  EXPECT_EQ(after.peak, before.current + 3 * kMiB);
  EXPECT_GE(after.reserved, after.current);
  backend(kCpu).empty_cache();
  EXPECT_LE(backend(kCpu).memory_stats().reserved, after.reserved - 4 * kMiB);
}

TEST(Backend, RefusesDevicesThatDoNotExist) {
  EXPECT_THROW(backend(Device{DeviceType::cpu, 1}), DeviceError);
  EXPECT_THROW(backend(Device{DeviceType::cpu, -1}), DeviceError);
  EXPECT_THROW(backend(Device{DeviceType::cuda, 4096}), DeviceError);
  try {
    backend(Device{DeviceType::cuda, 4096});
  } catch (const DeviceError& error) {
    EXPECT_NE(std::string(error.what()).find("cuda:4096"), std::string::npos) << error.what();
  }
}

TEST(Backend, TheCpuCannotBeReplaced) {
  EXPECT_THROW(register_backend(DeviceType::cpu, nullptr, nullptr), DeviceError);
}

/// A tensor of static storage is released when this file's statics are destroyed.
const Block* static_block() {
  static const Block block(1000);
  return &block;
}

TEST(CpuBackend, BlocksOfStaticStorageMayGoBackAtExit) { EXPECT_NE(static_block(), nullptr); }

}  // namespace
}  // namespace voxgrad
