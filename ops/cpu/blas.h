// Matrix products on the library's own OpenBLAS: one thread per call, safe from any number of
// threads at once.
#pragma once

#include <limits>

#include <voxgrad/core/shape.h>

namespace [[gnu::visibility("default")]] voxgrad {
namespace ops::cpu {

/// The largest pieces handed to BLAS, whose sizes have 32 bits. Other values are for tests.
struct GemmLimits {
  Index block = Index{1} << 30;                             ///< of m, n and k
  Index stride = std::numeric_limits<std::int32_t>::max();  ///< of lda, ldb and ldc
};

/// C = alpha * op(A) * op(B) + beta * C, all row-major; T is float or double.
///
/// @param a  (m, k), or (k, m) when `trans_a`, rows `lda` elements apart
/// @param b  (k, n), or (n, k) when `trans_b`, rows `ldb` elements apart
/// @param c  (m, n), rows `ldc` elements apart; must not overlap `a` or `b`
/// With beta = 0, C is overwritten whatever it held. Sizes may be 0 (k = 0 scales C by beta); the
/// caller guarantees that they are not negative and that each leading dimension is at least its
/// row's length. The same arguments give the same bits, on any thread.
template <typename T>
[[gnu::visibility("default")]] void gemm(bool trans_a, bool trans_b, Index m, Index n, Index k,
                                         T alpha, const T* a, Index lda, const T* b, Index ldb,
                                         T beta, T* c, Index ldc, GemmLimits limits = {});

/// Name of the OpenBLAS kernel set in use: "SkylakeX", "Haswell", "Zen", "Prescott", ...
const char* blas_core_name();

}  // namespace ops::cpu
}  // namespace voxgrad
