// New tensors: constants, ranges and random numbers, in plain layout.
//
// Random ones are drawn by a CPU generator on every device (core/random.h), with the values that
// PyTorch draws from the same seed. All throw ShapeError for a negative size and OutOfMemoryError.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include <voxgrad/core/random.h>
#include <voxgrad/core/tensor.h>

namespace [[gnu::visibility("default")]] voxgrad {

/// A tensor filled with `value`, converted to the dtype.
Tensor full(Shape shape, double value, DType dtype = default_dtype(), Device device = {});
Tensor zeros(Shape shape, DType dtype = default_dtype(), Device device = {});
Tensor ones(Shape shape, DType dtype = default_dtype(), Device device = {});
/// A tensor of the shape, device and memory order of `like`, and of its dtype unless one is given.
Tensor full_like(const Tensor& like, double value, std::optional<DType> dtype = {});
Tensor zeros_like(const Tensor& like, std::optional<DType> dtype = {});
Tensor ones_like(const Tensor& like, std::optional<DType> dtype = {});
/// A tensor of rank 0.
Tensor scalar(double value, DType dtype = default_dtype(), Device device = {});

/// 0, 1, ... below `end`.
Tensor arange(double end, std::optional<DType> dtype = {}, Device device = {});
/// start, start + step, ... up to but not including `end`. Without a dtype int64 when all three are
/// whole numbers, else default_dtype().
/// @throws ShapeError unless all are finite, step is not 0 and leads from start towards end.
Tensor arange(double start, double end, double step = 1, std::optional<DType> dtype = {},
              Device device = {});
/// `count` numbers from start to end, both included, at equal distances. @throws ShapeError for a
/// negative count.
Tensor linspace(double start, double end, Index count, DType dtype = default_dtype(),
                Device device = {});
/// Which axis of a grid the first coordinate runs along: the first (ij) or the second (xy).
enum class Indexing : std::uint8_t { ij, xy };
/// Coordinates of the points of a grid: views of all axes' coordinates (rank 1 or 0), expanded to
/// the shape of the grid. @throws ShapeError, DTypeError, DeviceError.
std::vector<Tensor> meshgrid(std::span<const Tensor> axes, Indexing indexing = Indexing::ij);

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

/// rand and randn with the shape, device and (unless one is given) dtype of `like`.
Tensor rand_like(const Tensor& like, std::optional<DType> dtype = {},
                 Generator& generator = default_generator());
Tensor randn_like(const Tensor& like, std::optional<DType> dtype = {},
                  Generator& generator = default_generator());
/// 1 with the probability that the element of `probabilities` gives, else 0; of their dtype.
/// @throws ShapeError unless all are in [0, 1]; DTypeError unless floating.
Tensor bernoulli(const Tensor& probabilities, Generator& generator = default_generator());

/// Fill x in logical order and return it. @throws as copy_; DTypeError unless floating (bernoulli_
/// takes every dtype); ShapeError for impossible ranges.
Tensor& uniform_(Tensor& x, double from = 0, double to = 1,
                 Generator& generator = default_generator());
Tensor& normal_(Tensor& x, double mean = 0, double std = 1,
                Generator& generator = default_generator());
Tensor& bernoulli_(Tensor& x, double p = 0.5, Generator& generator = default_generator());

}  // namespace voxgrad
