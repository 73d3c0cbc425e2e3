// What the machine can do: the ceilings that measured times are held against.
#pragma once

namespace voxgrad::bench {

/// float32 multiply-adds per second on `threads` threads, in GFLOP/s: the best of several short
/// loops over registers, with the instruction set that the library uses.
double fma_peak_gflops(int threads);

/// Bytes read and written per second, in GB/s: a copy of arrays far larger than the caches by all
/// threads, whose stores do not read the lines that they write.
double copy_gigabytes_per_second();

/// Bytes read per second, in GB/s: the sum of such arrays by all threads.
double read_gigabytes_per_second();

}  // namespace voxgrad::bench
