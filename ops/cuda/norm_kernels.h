// Internal: the entries of NormKernels that have a file of their own.
#pragma once

#include <voxgrad/ops/norm.h>

namespace voxgrad::ops::cuda {

// norm_sums.cu
void moments(const NormShape& shape, const Tensor& x, Moments& result);
void norm_sums(const NormShape& shape, const Tensor& x, const Tensor& dy, const Moments& moments,
               const NormOutput& output, NormSums& result);
void add_groups(const NormShape& shape, const Tensor& sums, Tensor& result);
void update_running(const NormShape& shape, const Moments& moments, double momentum,
                    Moments& running);

}  // namespace voxgrad::ops::cuda
