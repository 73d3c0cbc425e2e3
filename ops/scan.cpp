#include <voxgrad/ops/scan.h>

namespace voxgrad::ops {

const ScanKernels& scan_kernels(DeviceType device) {
  if (device == DeviceType::cpu) return cpu::kScan;
  no_kernels("scan", device);
}

Tensor cumsum(const Tensor& x, int axis) {
  const DType dtype = is_floating(x.dtype()) ? x.dtype() : DType::int64;
  Tensor out = Tensor::empty(x.shape(), dtype, x.device());
  if (out.numel() > 0) scan_kernels(x.device().type).cumsum(operand(x), axis, target(out));
  return out;
}

Tensor argsort(const Tensor& x, int axis, bool descending) {
  Tensor out = Tensor::empty(x.shape(), DType::int64, x.device());
  if (out.numel() > 0) {
    scan_kernels(x.device().type).argsort(operand(x), axis, descending, target(out));
  }
  return out;
}

}  // namespace voxgrad::ops
