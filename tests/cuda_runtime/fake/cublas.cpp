#include <cublas_v2.h>

FakeCublas fake_cublas;

cublasStatus_t cublasCreate_v2(cublasHandle_t* handle) {
  static cublasContext contexts[64];
  *handle = &contexts[fake_cublas.handles++];
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetWorkspace_v2(cublasHandle_t, void* workspace, std::size_t bytes) {
  fake_cublas.workspace = workspace;
  fake_cublas.workspace_bytes = bytes;
  return CUBLAS_STATUS_SUCCESS;
}

const char* cublasGetStatusString(cublasStatus_t) { return "what it means"; }

namespace {

/// Matrices by columns, as cuBLAS has them.
template <typename T>
struct Columns {
  T* data;
  std::int64_t column;
  bool transposed;
  T& operator()(std::int64_t i, std::int64_t j) const {
    return transposed ? data[i * column + j] : data[j * column + i];
  }
};

template <typename T>
void multiply(const Columns<const T>& a, const Columns<const T>& b, const Columns<T>& c,
              std::int64_t m, std::int64_t n, std::int64_t k, T alpha, T beta) {
  for (std::int64_t i = 0; i < m; ++i) {
    for (std::int64_t j = 0; j < n; ++j) {
      T sum = 0;
      for (std::int64_t l = 0; l < k; ++l) sum += a(i, l) * b(l, j);
      c(i, j) = alpha * sum + (beta == 0 ? T(0) : beta * c(i, j));
    }
  }
}

}  // namespace

cublasStatus_t cublasGemmStridedBatchedEx_64(
    cublasHandle_t handle, cublasOperation_t a_op, cublasOperation_t b_op, std::int64_t m,
    std::int64_t n, std::int64_t k, const void* alpha, const void* a, cudaDataType a_type,
    std::int64_t a_column, long long a_batch, const void* b, cudaDataType b_type,
    std::int64_t b_column, long long b_batch, const void* beta, void* c, cudaDataType c_type,
    std::int64_t c_column, long long c_batch, std::int64_t count, cublasComputeType_t compute,
    cublasGemmAlgo_t) {
  fake_cublas.used = handle;
  fake_cublas.compute = compute;
  if (fake_cublas.status != CUBLAS_STATUS_SUCCESS || a_type != b_type || a_type != c_type)
    return CUBLAS_STATUS_EXECUTION_FAILED;
  const auto run = [&]<typename T>(T) {
    for (std::int64_t i = 0; i < count; ++i) {
      multiply<T>({static_cast<const T*>(a) + i * a_batch, a_column, a_op == CUBLAS_OP_T},
                  {static_cast<const T*>(b) + i * b_batch, b_column, b_op == CUBLAS_OP_T},
                  {static_cast<T*>(c) + i * c_batch, c_column, false}, m, n, k,
                  *static_cast<const T*>(alpha), *static_cast<const T*>(beta));
    }
  };
  if (a_type == CUDA_R_64F) run(double{});
  else run(float{});
  return CUBLAS_STATUS_SUCCESS;
}
