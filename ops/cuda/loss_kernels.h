// Internal: the entries of LossKernels that have a file of their own.
#pragma once

#include <voxgrad/ops/loss.h>

namespace voxgrad::ops::cuda {

// overlap.cu
void overlap(const ClassShape& shape, const LabelTerms& terms, Index samples, const Tensor& scores,
             const Tensor& labels, Overlap& result);
void overlap_adjoint(const ClassShape& shape, const LabelTerms& terms, Index samples,
                     const Tensor& labels, const Tensor& shared, const Tensor& scores,
                     Tensor& result);

}  // namespace voxgrad::ops::cuda
