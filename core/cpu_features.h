// Which vector instructions this process uses: found out once, the same for our kernels and for
// BLAS.
#pragma once

#include <string>
#include <string_view>

namespace [[gnu::visibility("default")]] voxgrad {

/// Levels in ascending order; each includes those before it. avx2 means AVX2 with FMA, avx512 means
/// F, BW, DQ and VL.
enum class InstructionSet { portable, avx2, avx512 };

/// "portable", "avx2", "avx512": the values that VOXGRAD_CPU takes, in capitals too.
std::string_view name(InstructionSet set);

/// The level in use: what the environment's VOXGRAD_CPU asked for when the library was loaded, else
/// the best that this processor has. A value that is unknown or that this processor cannot run is
/// not followed, which one line on stderr says.
InstructionSet instruction_set();

/// The level in use and why, in one line: "avx2 (VOXGRAD_CPU)", "avx512 (detected; VOXGRAD_CPU=sse
/// is none of portable, avx2, avx512)".
std::string instruction_set_report();

/// The level that a value of VOXGRAD_CPU leads to on a processor whose best level is `best`; null
/// and "" are unset.
InstructionSet choose_instruction_set(const char* wanted, InstructionSet best);

}  // namespace voxgrad
