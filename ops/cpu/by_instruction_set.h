// Internal: compiles one loop for every instruction set and calls the one in use.
#pragma once

#include <cstddef>

#include <voxgrad/core/cpu_features.h>

#if defined(__x86_64__)
#define VG_TARGET(features) [[gnu::target(features)]]
#else
#define VG_TARGET(features)  // instruction_set() is portable there
#endif

namespace voxgrad::ops::cpu {

/// Body is a struct with `[[gnu::always_inline]] static inline void run(args...)`: plain loops. No
/// lambdas are written there (they would not be compiled for the wider set); small ones may come in
/// to be inlined. Contraction is off, so every set gives the same bits.
template <typename Body, typename... Args>
VG_TARGET("avx512f,avx512bw,avx512dq,avx512vl")
void run_avx512(Args... args) {
  Body::run(args...);
}

template <typename Body, typename... Args>
VG_TARGET("avx2,fma")
void run_avx2(Args... args) {
  Body::run(args...);
}

template <typename Body, typename... Args>
void run_portable(Args... args) {
  Body::run(args...);
}

template <typename Body, typename... Args>
void run_widest(Args... args) {
  switch (instruction_set()) {
    case InstructionSet::avx512: return run_avx512<Body>(args...);
    case InstructionSet::avx2: return run_avx2<Body>(args...);
    case InstructionSet::portable: return run_portable<Body>(args...);
  }
}

/// The same for a Body that is told how many bytes the vectors have: for streamed stores.
template <template <std::size_t vector_bytes> typename Body, typename... Args>
void run_widest(Args... args) {
  switch (instruction_set()) {
    case InstructionSet::avx512: return run_avx512<Body<64>>(args...);
    case InstructionSet::avx2: return run_avx2<Body<32>>(args...);
    case InstructionSet::portable: return run_portable<Body<16>>(args...);
  }
}

}  // namespace voxgrad::ops::cpu

#undef VG_TARGET
