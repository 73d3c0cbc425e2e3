// Internal: matrix products on the device.
#pragma once

#include <string_view>

#include <voxgrad/core/dtype.h>
#include <voxgrad/core/shape.h>

namespace voxgrad::ops::cuda {

/// Row-major, rows `row` elements apart; read as its transpose where `transposed`. Matrix i of a
/// batch starts i * batch elements after `data`.
struct Matrix {
  const void* data = nullptr;
  Index row = 0;
  bool transposed = false;
  Index batch = 0;
};

/// c (m, n) = a (m, k) * b (k, n), plus what is in c where `add`; `count` of them. No size is 0.
struct Product {
  std::string_view op = "matmul";  ///< named when it fails
  DType dtype = DType::float32;    ///< or float64
  Index m = 0, n = 0, k = 0, count = 1;
  Matrix a, b;
  void* c = nullptr;  ///< rows and batch as of the others; overlaps neither a nor b
  Index c_row = 0, c_batch = 0;
  bool add = false;
};

/// The same arguments give the same bits on the same kind of card. float32 is multiplied as
/// float32 unless allow_tf32 (ops/matmul.h).
void multiply(const Product& product);

}  // namespace voxgrad::ops::cuda
