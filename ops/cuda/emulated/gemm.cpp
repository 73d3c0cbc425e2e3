// Matrix products on the library's own OpenBLAS.
#include <voxgrad/ops/cuda/gemm.h>

#include <device_launch.h>
#include <voxgrad/ops/cpu/blas.h>

namespace voxgrad::ops::cuda {

void multiply(const Product& p) {
  const DeviceMemoryAccess access;
  visit_floating(p.dtype, [&]<typename T>() {
    for (Index i = 0; i < p.count; ++i) {
      cpu::gemm<T>(p.a.transposed, p.b.transposed, p.m, p.n, p.k, T(1),
                   static_cast<const T*>(p.a.data) + i * p.a.batch, p.a.row,
                   static_cast<const T*>(p.b.data) + i * p.b.batch, p.b.row, p.add ? T(1) : T(0),
                   static_cast<T*>(p.c) + i * p.c_batch, p.c_row);
    }
  });
}

}  // namespace voxgrad::ops::cuda
