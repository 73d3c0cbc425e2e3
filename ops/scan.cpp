#include <voxgrad/ops/scan.h>

namespace voxgrad::ops {

const ScanKernels& scan_kernels(Device device) {
  return select_kernels(device, cpu::kScan, cuda::kScan);
}

Tensor cumsum(const Tensor& x, int axis) {
  const DType dtype = is_floating(x.dtype()) ? x.dtype() : DType::int64;
  Tensor out = Tensor::empty(x.shape(), dtype, x.device());
  if (out.numel() > 0) scan_kernels(x.device()).cumsum(operand(x), axis, target(out));
  return out;
}

Tensor argsort(const Tensor& x, int axis, bool descending) {
  Tensor out = Tensor::empty(x.shape(), DType::int64, x.device());
  if (out.numel() > 0) {
    scan_kernels(x.device()).argsort(operand(x), axis, descending, target(out));
  }
  return out;
}

}  // namespace voxgrad::ops
