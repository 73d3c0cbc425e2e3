#include <voxgrad/core/allocator.h>

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include <voxgrad/core/error.h>

namespace voxgrad {
namespace {

constexpr std::size_t kMiB = std::size_t{1} << 20;

/// A source with a limit that remembers what it gave.
class Source {
 public:
  explicit Source(std::size_t limit = std::size_t{1} << 40) : limit_(limit) {}

  MemorySource functions() {
    return {.take = [this](std::size_t bytes, std::size_t alignment) -> void* {
              if (taken_ + bytes > limit_) return nullptr;
              void* block = std::aligned_alloc(alignment, bytes);
              blocks_[block] = bytes;
              taken_ += bytes;
              ++takes_;
              return block;
            },
            .give =
                [this](void* block, std::size_t bytes) {
                  EXPECT_EQ(blocks_.at(block), bytes) << "another size than was taken";
                  blocks_.erase(block);
                  taken_ -= bytes;
                  std::free(block);
                },
            .host = true};
  }
  std::size_t taken() const { return taken_; }
  int takes() const { return takes_; }

 private:
  const std::size_t limit_;
  std::size_t taken_ = 0;
  int takes_ = 0;
  std::map<void*, std::size_t> blocks_;
};

bool aligned(const void* block, std::size_t alignment) {
  return reinterpret_cast<std::uintptr_t>(block) % alignment == 0;
}

TEST(CachingAllocator, GivesAlignedMemoryThatMayBeWrittenWhole) {
  Source source;
  CachingAllocator allocator(source.functions());
  for (const std::size_t bytes :
       {std::size_t{0}, std::size_t{1}, std::size_t{64}, std::size_t{65}, std::size_t{513},
        std::size_t{5000}, kMiB - 1, kMiB, kMiB + 1, 3 * kMiB}) {
    void* block = allocator.allocate(bytes);
    ASSERT_NE(block, nullptr);
    EXPECT_TRUE(aligned(block, bytes > kMiB ? 2 * kMiB : 64)) << bytes;
    std::memset(block, 1, bytes);
    allocator.release(block, bytes);
  }
}

TEST(CachingAllocator, EveryClassHoldsWhatIsAskedAndWastesLittle) {
  for (std::size_t bytes = 1; bytes <= kMiB; bytes += bytes < 3000 ? 1 : 997) {
    Source source;
    CachingAllocator allocator(source.functions());
    void* block = allocator.allocate(bytes);
    ASSERT_GE(source.taken(), bytes);
    ASSERT_LE(source.taken(), std::max<std::size_t>(bytes + 64, bytes + bytes / 4)) << bytes;
    allocator.release(block, bytes);
    allocator.empty_cache();
    ASSERT_EQ(source.taken(), 0U) << bytes;
  }
}

TEST(CachingAllocator, ServesTheSameSizesAgainWithoutAskingTheSystem) {
  Source source;
  CachingAllocator allocator(source.functions());
  const std::vector<std::size_t> sizes = {10, 100, 4000, 70000, 2 * kMiB, 3 * kMiB, 9 * kMiB};
  int takes = 0;
  for (int step = 0; step < 5; ++step) {
    std::vector<void*> blocks;
    for (const std::size_t bytes : sizes) blocks.push_back(allocator.allocate(bytes));
    for (std::size_t i = 0; i < sizes.size(); ++i) allocator.release(blocks[i], sizes[i]);
    if (step == 0) takes = source.takes();
  }
  EXPECT_EQ(source.takes(), takes);
}

TEST(CachingAllocator, LiveBlocksNeverOverlap) {
  Source source;
  CachingAllocator allocator(source.functions());
  std::vector<std::pair<unsigned char*, std::size_t>> live;
  std::size_t random = 1;
  for (int step = 0; step < 2000; ++step) {
    random = random * 6364136223846793005U + 1442695040888963407U;
    if (live.size() < 40 && (random >> 60) < 9) {
      const std::size_t bytes = (random >> 33) % (step % 50 == 0 ? 6 * kMiB : 9000) + 1;
      auto* block = static_cast<unsigned char*>(allocator.allocate(bytes));
      std::memset(block, static_cast<int>(live.size()), bytes);
      live.emplace_back(block, bytes);
    } else if (!live.empty()) {
      const auto [block, bytes] = live.back();
      const auto expected = static_cast<unsigned char>(live.size() - 1);
      ASSERT_TRUE(std::all_of(block, block + bytes, [=](auto byte) { return byte == expected; }));
      allocator.release(block, bytes);
      live.pop_back();
    }
  }
  for (const auto& [block, bytes] : live) allocator.release(block, bytes);
  EXPECT_EQ(allocator.stats().current, 0U);
  EXPECT_EQ(allocator.stats().reserved, source.taken());
}

TEST(CachingAllocator, CutsLargeBlocksBestFitAndMergesThemAgain) {
  Source source;
  CachingAllocator allocator(source.functions());
  auto* whole = static_cast<std::byte*>(allocator.allocate(40 * kMiB));
  allocator.release(whole, 40 * kMiB);
  void* first = allocator.allocate(12 * kMiB);
  void* second = allocator.allocate(10 * kMiB);
  void* third = allocator.allocate(18 * kMiB);
  EXPECT_EQ(first, whole);
  EXPECT_EQ(second, whole + 12 * kMiB);
  EXPECT_EQ(third, whole + 22 * kMiB);
  EXPECT_EQ(source.takes(), 1);
  allocator.release(first, 12 * kMiB);
  allocator.release(third, 18 * kMiB);
  void* best = allocator.allocate(11 * kMiB);
  EXPECT_EQ(best, first) << "12 MiB fit better than 18";
  allocator.release(best, 11 * kMiB);
  allocator.release(second, 10 * kMiB);
  EXPECT_EQ(allocator.allocate(40 * kMiB), whole);
  EXPECT_EQ(source.takes(), 1);
  allocator.release(whole, 40 * kMiB);
}

TEST(CachingAllocator, TakesNothingMoreFromTheSystemWhenAStepComesAgain) {
  Source source;
  CachingAllocator allocator(source.functions());
  const std::vector<std::size_t> sizes = {34, 67, 17, 2, 25, 67, 9, 34, 4, 50};
  int takes = 0;
  for (int step = 0; step < 6; ++step) {
    std::vector<std::pair<void*, std::size_t>> live;
    for (std::size_t i = 0; i < 200; ++i) {
      const std::size_t bytes = sizes[i * i % sizes.size()] * kMiB;
      live.emplace_back(allocator.allocate(bytes), bytes);
      if (live.size() < 8) continue;
      const auto victim = live.begin() + static_cast<std::ptrdiff_t>(i * 7 % live.size());
      allocator.release(victim->first, victim->second);
      live.erase(victim);
    }
    for (const auto& [block, bytes] : live) allocator.release(block, bytes);
    if (step == 1) takes = source.takes();
  }
  EXPECT_EQ(source.takes(), takes);
  EXPECT_LE(source.taken(), allocator.stats().peak * 3 / 2);
}

TEST(CachingAllocator, StatsCountBytesRoundedTo64AndDoNotDependOnTheCache) {
  Source source;
  CachingAllocator allocator(source.functions());
  for (int round = 0; round < 2; ++round) {
    allocator.reset_peak();
    void* a = allocator.allocate(100);
    void* b = allocator.allocate(3 * kMiB + 1);
    EXPECT_EQ(allocator.stats().current, 128 + 3 * kMiB + 64);
    allocator.release(a, 100);
    EXPECT_EQ(allocator.stats().current, 3 * kMiB + 64);
    allocator.release(b, 3 * kMiB + 1);
    EXPECT_EQ(allocator.stats().current, 0U);
    EXPECT_EQ(allocator.stats().peak, 128 + 3 * kMiB + 64);
    EXPECT_EQ(allocator.stats().reserved, 128 + 32 * kMiB);
    allocator.release(allocator.allocate(4 * kMiB), 4 * kMiB);  // a block that is larger next round
    EXPECT_EQ(allocator.stats().reserved, source.taken());
    EXPECT_EQ(allocator.stats().peak, 4 * kMiB);
    allocator.reset_peak();
    EXPECT_EQ(allocator.stats().peak, 0U);
  }
}

TEST(CachingAllocator, CountsWorkspaceByItself) {
  Source source;
  CachingAllocator allocator(source.functions());
  void* tensor = allocator.allocate(5 * kMiB);
  EXPECT_EQ(allocator.stats().workspace, 0U);
  void* small = allocator.allocate(100, MemoryUse::workspace);
  void* large = allocator.allocate(3 * kMiB, MemoryUse::workspace);
  allocator.release(large, 3 * kMiB, MemoryUse::workspace);
  EXPECT_EQ(allocator.stats().workspace, 3 * kMiB + 128);
  EXPECT_EQ(allocator.stats().peak, 8 * kMiB + 128);
  allocator.reset_peak();
  EXPECT_EQ(allocator.stats().workspace, 128U);
  allocator.release(small, 100, MemoryUse::workspace);
  allocator.release(tensor, 5 * kMiB);
  allocator.reset_peak();
  EXPECT_EQ(allocator.stats().workspace, 0U);
}

TEST(CachingAllocator, EmptyCacheGivesBackAllThatIsFree) {
  Source source;
  CachingAllocator allocator(source.functions());
  void* kept = allocator.allocate(1000);
  for (const std::size_t bytes : {std::size_t{100}, std::size_t{5000}, 5 * kMiB}) {
    allocator.release(allocator.allocate(bytes), bytes);
  }
  allocator.empty_cache();
  EXPECT_EQ(source.taken(), 1024U);
  EXPECT_EQ(allocator.stats().reserved, 1024U);
  allocator.release(kept, 1000);
}

TEST(CachingAllocator, DestructionGivesBackTheCache) {
  Source source;
  {
    CachingAllocator allocator(source.functions());
    allocator.release(allocator.allocate(5 * kMiB), 5 * kMiB);
    EXPECT_GT(source.taken(), 0U);
  }
  EXPECT_EQ(source.taken(), 0U);
}

TEST(CachingAllocator, HoldsBoundedMemoryWhenSizesKeepChanging) {
  Source source;
  CachingAllocator allocator(source.functions());
  for (std::size_t mib = 100; mib < 400; mib += 10) {
    // Released at once: no cached block fits the next one.
    allocator.release(allocator.allocate((500 - mib) * kMiB), (500 - mib) * kMiB);
  }
  EXPECT_LE(source.taken(), (2 * 400 + 64) * kMiB);
}

TEST(CachingAllocator, EmptiesItsCacheBeforeItGivesUp) {
  Source source(20 * kMiB);
  CachingAllocator allocator(source.functions());
  allocator.release(allocator.allocate(12 * kMiB), 12 * kMiB);
  void* block = allocator.allocate(18 * kMiB);
  EXPECT_EQ(source.taken(), 18 * kMiB);
  try {
    allocator.allocate(4 * kMiB);
    ADD_FAILURE() << "more than there is";
  } catch (const OutOfMemoryError& error) {
    EXPECT_EQ(std::string(error.what()),
              "allocate: the device has not enough memory; asked 4194304 bytes, 18874368 in use, "
              "0 cached");
  }
  EXPECT_EQ(allocator.stats().current, 18 * kMiB);
  allocator.release(block, 18 * kMiB);
}

TEST(CachingAllocator, MayBeUsedByManyThreads) {
  CachingAllocator allocator({.take = [](std::size_t bytes, std::size_t alignment) -> void* {
                                return std::aligned_alloc(alignment, bytes);
                              },
                              .give = [](void* block, std::size_t) { std::free(block); },
                              .host = true});
  std::vector<std::thread> threads;
  for (std::size_t thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&, thread] {
      for (std::size_t i = 0; i < 2000; ++i) {
        const std::size_t bytes = 64 + (i * 37 + thread) % 3000 + (i % 100 == 0 ? 2 * kMiB : 0);
        auto* block = static_cast<unsigned char*>(allocator.allocate(bytes));
        block[0] = block[bytes - 1] = static_cast<unsigned char>(thread);
        allocator.release(block, bytes);
        if (i % 500 == 0) allocator.empty_cache();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(allocator.stats().current, 0U);
}

#if defined(__SANITIZE_ADDRESS__)
TEST(CachingAllocatorDeathTest, FreeMemoryAndTheRestOfABlockArePoisoned) {
  Source source;
  CachingAllocator allocator(source.functions());
  for (const std::size_t bytes : {std::size_t{100}, 3 * kMiB + 5}) {
    auto* block = static_cast<volatile char*>(allocator.allocate(bytes));
    block[bytes - 1] = 1;
    EXPECT_DEATH(block[bytes] = 1, "use-after-poison");
    allocator.release(const_cast<char*>(block), bytes);
    EXPECT_DEATH(block[0] = 1, "use-after-poison");
  }
}
#endif

TEST(WorkspaceLimit, StartsAt64MiBAndRefusesZero) {
  const std::size_t before = workspace_limit();
  EXPECT_EQ(before, 64 * kMiB);
  set_workspace_limit(1);
  EXPECT_EQ(workspace_limit(), 1U);
  EXPECT_THROW(set_workspace_limit(0), ShapeError);
  EXPECT_EQ(workspace_limit(), 1U);
  set_workspace_limit(before);
}

}  // namespace
}  // namespace voxgrad
