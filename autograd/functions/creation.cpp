#include <voxgrad/autograd/functions/creation.h>

#include <cmath>

#include <voxgrad/autograd/functions/elementwise.h>
#include <voxgrad/autograd/functions/operands.h>
#include <voxgrad/autograd/grad_mode.h>
#include <voxgrad/ops/layout.h>

namespace voxgrad {

namespace {

/// fill(data, count) into fresh CPU memory of type T, then onto the device.
template <typename T, typename Fill>
// NOLINTNEXTLINE(performance-unnecessary-value-param): moved, which shows only once T is known
Tensor filled_on_cpu(Shape shape, Device device, const Fill& fill) {
  Tensor result = Tensor::empty(std::move(shape), dtype_of<T>());
  fill(result.mutable_data<T>(), result.numel());
  return result.to(device);
}

template <typename Fill>
Tensor floating_on_cpu(std::string_view op, Shape shape, DType dtype, Device device,
                       const Fill& fill) {
  VG_CHECK(is_floating(dtype), DTypeError, "{}: dtype must be float32 or float64; got {}", op,
           name(dtype));
  return visit_floating(
      dtype, [&]<typename T>() { return filled_on_cpu<T>(std::move(shape), device, fill); });
}

bool is_whole(double value) { return value == std::floor(value); }

}  // namespace

Tensor full(Shape shape, double value, DType dtype, Device device) {
  Tensor result = Tensor::empty(std::move(shape), dtype, device);
  ops::fill(result, value);
  return result;
}

Tensor zeros(Shape shape, DType dtype, Device device) {
  return full(std::move(shape), 0, dtype, device);
}

Tensor ones(Shape shape, DType dtype, Device device) {
  return full(std::move(shape), 1, dtype, device);
}

Tensor full_like(const Tensor& like, double value, std::optional<DType> dtype) {
  Tensor result = Tensor::empty_like(like, dtype.value_or(like.dtype()));
  ops::fill(result, value);
  return result;
}

Tensor zeros_like(const Tensor& like, std::optional<DType> dtype) {
  return full_like(like, 0, dtype);
}

Tensor ones_like(const Tensor& like, std::optional<DType> dtype) {
  return full_like(like, 1, dtype);
}

Tensor scalar(double value, DType dtype, Device device) { return full({}, value, dtype, device); }

Tensor arange(double end, std::optional<DType> dtype, Device device) {
  return arange(0, end, 1, dtype, device);
}

Tensor arange(double start, double end, double step, std::optional<DType> dtype, Device device) {
  VG_CHECK(std::isfinite(start) && std::isfinite(end) && std::isfinite(step), ShapeError,
           "arange: start, end and step must be finite; got {}, {}, {}", start, end, step);
  VG_CHECK(step != 0 && (end - start) / step >= 0, ShapeError,
           "arange: step must lead from start to end; got start {}, end {}, step {}", start, end,
           step);
  const double steps = std::ceil((end - start) / step);
  VG_CHECK(steps < 0x1p62, ShapeError, "arange: fewer than 2^62 elements; got {}", steps);
  const auto count = static_cast<Index>(steps);
  const bool whole = is_whole(start) && is_whole(end) && is_whole(step);
  const DType wanted = dtype.value_or(whole ? DType::int64 : default_dtype());
  // Through float64: every element is rounded once, and whole numbers below 2^53 are exact.
  const Tensor values = filled_on_cpu<double>({count}, {}, [&](double* out, Index n) {
    for (Index i = 0; i < n; ++i) out[i] = start + static_cast<double>(i) * step;
  });
  return ops::convert(values, wanted).to(device);
}

Tensor linspace(double start, double end, Index count, DType dtype, Device device) {
  VG_CHECK(count >= 0, ShapeError, "linspace: count must be >= 0; got {}", count);
  const auto fill = [=]<typename T>(T* out, Index n) {
    const auto first = static_cast<T>(start), last = static_cast<T>(end);
    const T step = n > 1 ? (last - first) / static_cast<T>(n - 1) : T(0);
    for (Index i = 0; i < n; ++i) {  // from the nearer end, as PyTorch does
      out[i] = i < n / 2 || n == 1 ? first + step * static_cast<T>(i)
                                   : last - step * static_cast<T>(n - 1 - i);
    }
  };
  if (dtype == DType::float32) return filled_on_cpu<float>({count}, device, fill);
  return ops::convert(filled_on_cpu<double>({count}, {}, fill), dtype).to(device);
}

std::vector<Tensor> meshgrid(std::span<const Tensor> axes, Indexing indexing) {
  VG_CHECK(!axes.empty(), ShapeError, "meshgrid: needs at least one tensor; got none");
  Shape shape;
  for (const Tensor& axis : axes) {
    VG_CHECK(axis.dim() <= 1, ShapeError, "meshgrid: coordinates must have rank 1; got {}",
             axis.shape());
    VG_CHECK(axis.dtype() == axes[0].dtype(), DTypeError,
             "meshgrid: all tensors must have one dtype; got {} and {}", name(axes[0].dtype()),
             name(axis.dtype()));
    check_same_device("meshgrid", axis, axes[0]);
    shape.push_back(axis.numel());
  }
  std::vector<Tensor> grids;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    Shape along(axes.size(), 1);
    along[i] = shape[i];
    const Tensor grid = axes[i].reshape(along).expand(shape);
    const bool swapped = indexing == Indexing::xy && axes.size() > 1;
    grids.push_back(swapped ? grid.transpose(0, 1) : grid);
  }
  return grids;
}

Tensor eye(Index rows, Index columns, DType dtype, Device device) {
  if (columns < 0) columns = rows;
  Tensor result = zeros({rows, columns}, dtype, device);
  Tensor diagonal = result.alias({std::min(rows, columns)}, {columns + 1}, 0);
  if (diagonal.numel() > 0) ops::fill(diagonal, 1);
  return result;
}

Tensor rand(Shape shape, DType dtype, Device device, Generator& generator) {
  return floating_on_cpu("rand", std::move(shape), dtype, device,
                         [&](auto* out, Index n) { fill_uniform(out, n, 0, 1, generator); });
}

Tensor randn(Shape shape, DType dtype, Device device, Generator& generator) {
  return floating_on_cpu("randn", std::move(shape), dtype, device,
                         [&](auto* out, Index n) { fill_normal(out, n, 0, 1, generator); });
}

Tensor rand_like(const Tensor& like, std::optional<DType> dtype, Generator& generator) {
  return rand(like.shape(), dtype.value_or(like.dtype()), like.device(), generator);
}

Tensor randn_like(const Tensor& like, std::optional<DType> dtype, Generator& generator) {
  return randn(like.shape(), dtype.value_or(like.dtype()), like.device(), generator);
}

Tensor bernoulli(const Tensor& probabilities, Generator& generator) {
  check_floating("bernoulli", probabilities);
  const NoGrad values_only;
  const Tensor possible = mul(ge(probabilities, 0), le(probabilities, 1));
  VG_CHECK(all(possible).item() != 0, ShapeError, "bernoulli: probabilities must be in [0, 1]");
  const DType dtype = probabilities.dtype();
  const Tensor drawn = rand(probabilities.shape(), dtype, probabilities.device(), generator);
  return lt(drawn, probabilities).to(dtype);
}

Tensor& uniform_(Tensor& x, double from, double to, Generator& generator) {
  return x.copy_(
      floating_on_cpu("uniform_", x.shape(), x.dtype(), x.device(),
                      [&](auto* out, Index n) { fill_uniform(out, n, from, to, generator); }));
}

Tensor& normal_(Tensor& x, double mean, double std, Generator& generator) {
  return x.copy_(
      floating_on_cpu("normal_", x.shape(), x.dtype(), x.device(),
                      [&](auto* out, Index n) { fill_normal(out, n, mean, std, generator); }));
}

Tensor& bernoulli_(Tensor& x, double p, Generator& generator) {
  return x.copy_(filled_on_cpu<bool>(
      x.shape(), x.device(), [&](bool* out, Index n) { fill_bernoulli(out, n, p, generator); }));
}

Tensor randint(Index low, Index high, Shape shape, DType dtype, Device device,
               Generator& generator) {
  const Tensor values = filled_on_cpu<std::int64_t>(
      std::move(shape), {},
      [&](std::int64_t* out, Index n) { fill_randint(out, n, low, high, generator); });
  return ops::convert(values, dtype).to(device);
}

Tensor randperm(Index n, Device device, Generator& generator) {
  VG_CHECK(n >= 0, ShapeError, "randperm: n must be >= 0; got {}", n);
  return filled_on_cpu<std::int64_t>(
      {n}, device, [&](std::int64_t* out, Index count) { fill_randperm(out, count, generator); });
}

}  // namespace voxgrad
