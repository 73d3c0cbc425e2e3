// Entry point of every test program.
#include <gtest/gtest.h>
#include <voxgrad/core/allocator.h>

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  voxgrad::set_fill_fresh_memory(true);  // a kernel that forgets to write an element gives NaN
  return RUN_ALL_TESTS();
}
