#include <voxgrad/ops/update.h>

namespace voxgrad::ops {

namespace {

void* address(Tensor& x) { return x.defined() ? x.mutable_raw() : nullptr; }

}  // namespace

const UpdateKernels& update_kernels(Device device) {
  return select_kernels(device, cpu::kUpdate, cuda::kUpdate);
}

void sgd_step(const SgdRates& rates, Tensor& parameter, const Tensor& grad, Tensor momentum) {
  update_kernels(parameter.device())
      .sgd(rates, parameter.dtype(), parameter.numel(), address(parameter), grad.raw(),
           address(momentum));
}

void adam_step(const AdamRates& rates, Tensor& parameter, const Tensor& grad, Tensor mean,
               Tensor square, Tensor largest) {
  update_kernels(parameter.device())
      .adam(rates, parameter.dtype(), parameter.numel(), address(parameter), grad.raw(),
            address(mean), address(square), address(largest));
}

void power_sums(const Tensor& x, double p, Tensor& sums) {
  update_kernels(x.device())
      .power_sums(x.device(), p, x.dtype(), x.numel(), x.raw(), sums.mutable_data<double>());
}

void clip(Tensor& x, double limit) { update_kernels(x.device()).clip(target(x), limit); }

}  // namespace voxgrad::ops
