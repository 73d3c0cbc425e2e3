// How cuBLAS is called, with one that computes on the CPU.
#include <voxgrad/ops/cuda/gemm.h>

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include <voxgrad/core/error.h>
#include <voxgrad/ops/matmul.h>

#include <cublas_v2.h>
#include <cuda_runtime_api.h>

namespace voxgrad::ops::cuda {
namespace {

/// 1, 2, 3 ... so that no two places are alike.
template <typename T>
std::vector<T> numbers(Index count) {
  std::vector<T> result(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < result.size(); ++i) result[i] = static_cast<T>(i + 1);
  return result;
}

/// Element (i, j) of matrix `batch`.
template <typename T>
double at(const Matrix& m, Index batch, Index i, Index j) {
  const T* data = static_cast<const T*>(m.data) + batch * m.batch;
  return static_cast<double>(m.transposed ? data[j * m.row + i] : data[i * m.row + j]);
}

template <typename T>
void expect_product(bool a_transposed, bool b_transposed, bool add) {
  constexpr Index m = 2, n = 3, k = 4, gap = 2, count = 2;
  const auto memory = numbers<T>(200);
  const Matrix a{memory.data(), (a_transposed ? m : k) + gap, a_transposed, 50};
  const Matrix b{memory.data() + 90, (b_transposed ? k : n) + gap, b_transposed, 30};
  std::vector<T> c(60, T(7));
  constexpr Index c_row = n + gap, c_batch = 25;
  multiply({.dtype = dtype_of<T>(),
            .m = m,
            .n = n,
            .k = k,
            .count = count,
            .a = a,
            .b = b,
            .c = c.data(),
            .c_row = c_row,
            .c_batch = c_batch,
            .add = add});
  std::vector<T> expected(60, T(7));
  for (Index batch = 0; batch < count; ++batch) {
    for (Index i = 0; i < m; ++i) {
      for (Index j = 0; j < n; ++j) {
        double sum = add ? 7 : 0;
        for (Index l = 0; l < k; ++l) sum += at<T>(a, batch, i, l) * at<T>(b, batch, l, j);
        expected[static_cast<std::size_t>(batch * c_batch + i * c_row + j)] = static_cast<T>(sum);
      }
    }
  }
  EXPECT_EQ(c, expected) << a_transposed << b_transposed << add;
}

Product small(const std::vector<float>& in, std::vector<float>& out) {
  const Matrix matrix{in.data(), 2, false, 0};
  return {.m = 2, .n = 2, .k = 2, .a = matrix, .b = matrix, .c = out.data(), .c_row = 2};
}

std::string error_of(const Product& product) {
  try {
    multiply(product);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

class CublasCalls : public testing::Test {
 protected:
  void TearDown() override {
    fake_cublas.status = CUBLAS_STATUS_SUCCESS;
    fake_cuda = {};
  }

  std::vector<float> in = numbers<float>(4), out = numbers<float>(4);
};

TEST_F(CublasCalls, MultipliesRowsByColumns) {
  for (const bool a : {false, true}) {
    for (const bool b : {false, true}) {
      for (const bool add : {false, true}) {
        expect_product<float>(a, b, add);
        expect_product<double>(a, b, add);
      }
    }
  }
}

TEST_F(CublasCalls, RoundsToTf32OnlyWhereAllowed) {
  multiply(small(in, out));
  EXPECT_EQ(fake_cublas.compute, CUBLAS_COMPUTE_32F);
  {
    const Tf32Scope allowed(true);
    multiply(small(in, out));
    EXPECT_EQ(fake_cublas.compute, CUBLAS_COMPUTE_32F_FAST_TF32);
    expect_product<double>(false, false, false);
    EXPECT_EQ(fake_cublas.compute, CUBLAS_COMPUTE_64F);
  }
  multiply(small(in, out));
  EXPECT_EQ(fake_cublas.compute, CUBLAS_COMPUTE_32F);
}

TEST_F(CublasCalls, HasAHandleForEachThreadAndOneWorkspace) {
  multiply(small(in, out));
  const cublasHandle_t mine = fake_cublas.used;
  void* const workspace = fake_cublas.workspace;
  EXPECT_EQ(fake_cublas.workspace_bytes, std::size_t{32} << 20);
  cublasHandle_t others[2];
  for (cublasHandle_t& other : others) {
    std::thread([&] {
      multiply(small(in, out));
      other = fake_cublas.used;
      multiply(small(in, out));
      EXPECT_EQ(fake_cublas.used, other);
    }).join();
  }
  EXPECT_NE(others[0], mine);
  EXPECT_EQ(others[0], others[1]);  // the first thread gave it back when it ended
  EXPECT_EQ(fake_cublas.workspace, workspace);
  multiply(small(in, out));
  EXPECT_EQ(fake_cublas.used, mine);
}

TEST_F(CublasCalls, ErrorsNameWhatFailed) {
  Product product = small(in, out);
  fake_cublas.status = CUBLAS_STATUS_EXECUTION_FAILED;
  EXPECT_EQ(error_of(product), "matmul: cuBLAS reports what it means");
  product.op = "conv";
  EXPECT_EQ(error_of(product), "conv: cuBLAS reports what it means");
  fake_cublas.status = CUBLAS_STATUS_SUCCESS;
  fake_cuda.launch = cudaErrorInvalidValue;
  EXPECT_EQ(error_of(product), "conv: CUDA reports cudaErrorOfSomeKind: what it means");
  EXPECT_EQ(error_of(product), "");
}

}  // namespace
}  // namespace voxgrad::ops::cuda
