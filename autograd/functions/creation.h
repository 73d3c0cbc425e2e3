// New tensors: constants, ranges and random numbers, in plain layout.
//
// Random ones are drawn by a CPU generator on every device (core/random.h), with the values that
// PyTorch draws from the same seed. All throw ShapeError for a negative size and OutOfMemoryError.
#pragma once

#include <optional>

#include <voxgrad/core/random.h>
#include <voxgrad/core/tensor.h>

namespace [[gnu::visibility("default")]] voxgrad {

/// A tensor filled with `value`, converted to the dtype.
Tensor full(Shape shape, double value, DType dtype = default_dtype(), Device device = {});
Tensor zeros(Shape shape, DType dtype = default_dtype(), Device device = {});
Tensor ones(Shape shape, DType dtype = default_dtype(), Device device = {});
/// A tensor of the shape, dtype, device and memory order of `like`.
Tensor full_like(const Tensor& like, double value);
Tensor zeros_like(const Tensor& like);
Tensor ones_like(const Tensor& like);
/// A tensor of rank 0.
Tensor scalar(double value, DType dtype = default_dtype(), Device device = {});

/// 0, 1, ... below `end`.
Tensor arange(double end, std::optional<DType> dtype = {}, Device device = {});
/// start, start + step, ... up to but not including `end`. Without a dtype int64 when all three are
/// whole numbers, else default_dtype().
/// @throws ShapeError unless all are finite, step is not 0 and leads from start towards end.
Tensor arange(double start, double end, double step = 1, std::optional<DType> dtype = {},
              Device device = {});
/// (rows, columns) with ones on the diagonal; columns = rows when negative.
Tensor eye(Index rows, Index columns = -1, DType dtype = default_dtype(), Device device = {});

/// Uniform on [0, 1). @throws DTypeError unless floating.
Tensor rand(Shape shape, DType dtype = default_dtype(), Device device = {},
            Generator& generator = default_generator());
/// Normal with mean 0 and deviation 1. @throws DTypeError unless floating.
Tensor randn(Shape shape, DType dtype = default_dtype(), Device device = {},
             Generator& generator = default_generator());
/// Whole numbers, uniform on [low, high). @throws ShapeError unless low < high.
Tensor randint(Index low, Index high, Shape shape, DType dtype = DType::int64, Device device = {},
               Generator& generator = default_generator());
/// A permutation of 0 ... n - 1, int64.
Tensor randperm(Index n, Device device = {}, Generator& generator = default_generator());

}  // namespace voxgrad
