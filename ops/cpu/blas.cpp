#include <voxgrad/ops/cpu/blas.h>

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <string>
#include <type_traits>

#include <voxgrad/core/cpu_features.h>

// The few functions of OpenBLAS used here, declared by hand: its header would define macros and
// types for all.
extern "C" {
void gotoblas_init();
char* openblas_get_corename();
void cblas_sgemm(int order, int trans_a, int trans_b, int m, int n, int k, float alpha,
                 const float* a, int lda, const float* b, int ldb, float beta, float* c, int ldc);
void cblas_dgemm(int order, int trans_a, int trans_b, int m, int n, int k, double alpha,
                 const double* a, int lda, const double* b, int ldb, double beta, double* c,
                 int ldc);
}

namespace voxgrad::ops::cpu {
namespace {

constexpr int kRowMajor = 101, kNoTrans = 111, kTrans = 112;

// Holds an environment variable at a value (null: unset) and restores it, so that neither the
// program nor another library notices.
class ScopedVariable {
 public:
  ScopedVariable(const char* name, const char* value) : name_(name) {
    if (const char* before = std::getenv(name)) before_ = before;
    set(value);
  }
  ~ScopedVariable() { set(before_ ? before_->c_str() : nullptr); }
  ScopedVariable(const ScopedVariable&) = delete;
  ScopedVariable& operator=(const ScopedVariable&) = delete;

 private:
  void set(const char* value) const {
    if (value != nullptr) {
      setenv(name_, value, 1);
    } else {
      unsetenv(name_);
    }
  }

  const char* name_;
  std::optional<std::string> before_;
};

// OpenBLAS's own detection does not know processors newer than itself and falls back to SSE there,
// and an environment variable could force an old core on us; so the core follows our instruction
// set. Null: detect.
const char* blas_core(InstructionSet set) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  switch (set) {
    case InstructionSet::avx512: return "SkylakeX";
    case InstructionSet::avx2: return __builtin_cpu_is("amd") ? "Zen" : "Haswell";
    case InstructionSet::portable: return __builtin_cpu_supports("sse3") ? "Prescott" : nullptr;
  }
#endif
  static_cast<void>(set);
  return nullptr;
}

// Runs before OpenBLAS's own constructor, whatever the link order (its start-up does nothing the
// second time).
[[gnu::constructor(101)]] void start_openblas() {
  const ScopedVariable threads("OPENBLAS_NUM_THREADS", "1");
  const ScopedVariable core("OPENBLAS_CORETYPE", blas_core(instruction_set()));
  const ScopedVariable chatter("OPENBLAS_VERBOSE", nullptr);
  gotoblas_init();
}

template <typename T>
void scale(Index m, Index n, T beta, T* c, Index ldc) {
  for (Index i = 0; i < m; ++i) {
    T* row = c + i * ldc;
    if (beta == T{0}) {
      std::fill(row, row + n, T{0});
    } else {
      for (Index j = 0; j < n; ++j) row[j] *= beta;
    }
  }
}

}  // namespace

template <typename T>
void gemm(bool trans_a, bool trans_b, Index m, Index n, Index k, T alpha, const T* a, Index lda,
          const T* b, Index ldb, T beta, T* c, Index ldc, GemmLimits limits) {
  if (m == 0 || n == 0) return;
  if (k == 0) {
    if (beta != T{1}) scale(m, n, beta, c, ldc);
    return;
  }
  Index m_block = limits.block, n_block = limits.block, k_block = limits.block;
  // A leading dimension that BLAS cannot take is never used when the piece has one row of that
  // matrix.
  if (lda > limits.stride) (trans_a ? k_block : m_block) = 1;
  if (ldb > limits.stride) (trans_b ? n_block : k_block) = 1;
  if (ldc > limits.stride) m_block = 1;
  const auto stride = [&](Index ld, Index columns) {
    return static_cast<int>(ld > limits.stride ? columns : ld);
  };
  for (Index i = 0; i < m; i += m_block) {
    for (Index j = 0; j < n; j += n_block) {
      for (Index l = 0; l < k; l += k_block) {
        const Index mm = std::min(m_block, m - i), nn = std::min(n_block, n - j);
        const Index kk = std::min(k_block, k - l);
        const T* piece_a = a + (trans_a ? l * lda + i : i * lda + l);
        const T* piece_b = b + (trans_b ? j * ldb + l : l * ldb + j);
        const auto call = [&](auto blas_gemm) {
          blas_gemm(kRowMajor, trans_a ? kTrans : kNoTrans, trans_b ? kTrans : kNoTrans,
                    static_cast<int>(mm), static_cast<int>(nn), static_cast<int>(kk), alpha,
                    piece_a, stride(lda, trans_a ? mm : kk), piece_b,
                    stride(ldb, trans_b ? kk : nn), l == 0 ? beta : T{1}, c + i * ldc + j,
                    stride(ldc, nn));
        };
        if constexpr (std::is_same_v<T, float>) {
          call(cblas_sgemm);
        } else {
          call(cblas_dgemm);
        }
      }
    }
  }
}

template void gemm<float>(bool, bool, Index, Index, Index, float, const float*, Index, const float*,
                          Index, float, float*, Index, GemmLimits);
template void gemm<double>(bool, bool, Index, Index, Index, double, const double*, Index,
                           const double*, Index, double, double*, Index, GemmLimits);

const char* blas_core_name() { return openblas_get_corename(); }

}  // namespace voxgrad::ops::cpu
