// What ops/cuda/toolkit/cublas.cpp needs of cuBLAS's header, with a library behind it that computes
// on the CPU. Names and the order of arguments are cuBLAS's; values are our own.
#pragma once

#include <cstddef>
#include <cstdint>

#define CUBLAS_VER_MAJOR 99  // so that no real library is found

enum cublasStatus_t { CUBLAS_STATUS_SUCCESS, CUBLAS_STATUS_EXECUTION_FAILED };
enum cublasOperation_t { CUBLAS_OP_N, CUBLAS_OP_T };
enum cudaDataType { CUDA_R_32F, CUDA_R_64F };
enum cublasComputeType_t {
  CUBLAS_COMPUTE_32F,
  CUBLAS_COMPUTE_32F_FAST_TF32,
  CUBLAS_COMPUTE_64F,
};
enum cublasGemmAlgo_t { CUBLAS_GEMM_DEFAULT };
struct cublasContext {};
using cublasHandle_t = cublasContext*;

/// What the library was asked for, and how it answers.
struct FakeCublas {
  cublasStatus_t status = CUBLAS_STATUS_SUCCESS;  ///< what a product gives
  int handles = 0;
  void* workspace = nullptr;  ///< of the last handle
  std::size_t workspace_bytes = 0;
  cublasHandle_t used = nullptr;  ///< by the last product
  cublasComputeType_t compute = CUBLAS_COMPUTE_32F;
};
extern "C" FakeCublas fake_cublas;

extern "C" cublasStatus_t cublasCreate_v2(cublasHandle_t* handle);
extern "C" cublasStatus_t cublasSetWorkspace_v2(cublasHandle_t handle, void* workspace,
                                                std::size_t bytes);
extern "C" const char* cublasGetStatusString(cublasStatus_t status);
extern "C" cublasStatus_t cublasGemmStridedBatchedEx_64(
    cublasHandle_t handle, cublasOperation_t a_op, cublasOperation_t b_op, std::int64_t m,
    std::int64_t n, std::int64_t k, const void* alpha, const void* a, cudaDataType a_type,
    std::int64_t a_column, long long a_batch, const void* b, cudaDataType b_type,
    std::int64_t b_column, long long b_batch, const void* beta, void* c, cudaDataType c_type,
    std::int64_t c_column, long long c_batch, std::int64_t count, cublasComputeType_t compute,
    cublasGemmAlgo_t algorithm);
