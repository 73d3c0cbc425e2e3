// Internal: the entries of NormKernels that have files of their own.
#pragma once

#include <voxgrad/ops/norm.h>

namespace voxgrad::ops::cpu {

// norm_statistics.cpp
void moments(const NormShape& shape, const Tensor& x, Moments& result);
void update_running(const NormShape& shape, const Moments& moments, double momentum,
                    Moments& running);

// norm_gradients.cpp
void norm_sums(const NormShape& shape, const Tensor& x, const Tensor& dy, const Moments& moments,
               const NormOutput& output, NormSums& result);
void norm_input_gradient(const NormShape& shape, const Tensor& x, const Tensor& dy,
                         const Moments& moments, const NormOutput& output, const NormSums& sums,
                         Tensor& dx);
void add_groups(const NormShape& shape, const Tensor& sums, Tensor& result);

}  // namespace voxgrad::ops::cpu
