#include <voxgrad/autograd/functions/pool.h>

#include <algorithm>
#include <numeric>

#include <voxgrad/autograd/functions/creation.h>
#include <voxgrad/autograd/functions/elementwise.h>
#include <voxgrad/autograd/functions/indexing.h>
#include <voxgrad/autograd/functions/reduce.h>
#include <voxgrad/autograd/functions/shape.h>
#include <voxgrad/autograd/node.h>
#include <voxgrad/core/check.h>
#include <voxgrad/ops/layout.h>
#include <voxgrad/ops/pool.h>

namespace voxgrad {
namespace {

struct Settings {
  std::string_view op;
  const Spatial& kernel;
  const Spatial& stride;
  const Spatial& padding;
  const Spatial& dilation;
  bool ceil_mode;
  int rank;
};

void check_floating(std::string_view op, const Tensor& x) {
  VG_CHECK(x.defined() && is_floating(x.dtype()), DTypeError,
           "{}: x must be float32 or float64; got {}", op,
           x.defined() ? name(x.dtype()) : "an undefined tensor");
}

ops::PoolGeometry pool_geometry(const Tensor& x, const Settings& settings) {
  const std::string_view op = settings.op;
  check_floating(op, x);
  VG_CHECK(settings.rank >= 0 && settings.rank <= 3, ShapeError,
           "{}: rank must be 1, 2 or 3 (0: from x); got {}", op, settings.rank);
  const std::size_t listed = settings.kernel.values().size();
  const int rank = settings.rank > 0 ? settings.rank
                   : listed > 1      ? static_cast<int>(listed)
                                     : x.dim() - 2;
  VG_CHECK(
      rank >= 1 && rank <= 3 && (x.dim() == rank + 2 || x.dim() == rank + 1), ShapeError,
      "{}: x must be (batch, channels, size...) or (channels, size...) with 1 to 3 sizes{}; got {}",
      op, rank != x.dim() - 2 ? fmt::format(", here {}", rank) : "", x.shape());
  const auto kernel = settings.kernel.at(rank, op, "kernel");
  const auto stride = settings.stride.at(rank, op, "stride");
  const auto padding = settings.padding.at(rank, op, "padding");
  const auto dilation = settings.dilation.at(rank, op, "dilation");
  const int first_size = x.dim() - rank;
  ops::PoolGeometry geometry;
  geometry.rank = rank;
  geometry.batch = first_size == 2 ? x.size(0) : 1;
  geometry.channels = x.size(first_size - 1);
  for (int i = 0; i < rank; ++i) {
    const auto from = static_cast<std::size_t>(i);
    ops::PoolAxis& axis = geometry.axis[static_cast<std::size_t>(3 - rank + i)];
    axis = {.in = x.size(first_size + i),
            .kernel = kernel[from],
            .stride = stride[from],
            .padding = padding[from],
            .dilation = dilation[from]};
    ops::set_output_size(op, axis, settings.ceil_mode);
  }
  checked_product(checked_product(kernel[0], rank > 1 ? kernel[1] : 1), rank > 2 ? kernel[2] : 1);
  return geometry;
}

/// f(x) with a batch axis, which is taken off again where x had none.
template <typename F>
Tensor with_batch(const Tensor& x, int rank, const F& f) {
  return x.dim() == rank + 1 ? f(x.unsqueeze(0)).squeeze(0) : f(x);
}

Tensor take_maxima(const ops::PoolGeometry& geometry, const Tensor& x, const Tensor& positions);

/// Linear in y, and the adjoint of take_maxima: the two differentiate into each other.
Tensor place_maxima(const ops::PoolGeometry& geometry, const Tensor& y, const Tensor& positions) {
  const Rule rule = [geometry](std::span<const Tensor> saved, std::span<const Tensor> grads,
                               Needs) {
    return std::vector<Tensor>{take_maxima(geometry, grads[0], saved[0])};
  };
  return record_one("max_pool_backward", {y}, ops::scatter_at(geometry, y, positions), rule,
                    positions);
}

Tensor take_maxima(const ops::PoolGeometry& geometry, const Tensor& x, const Tensor& positions) {
  const Rule rule = [geometry](std::span<const Tensor> saved, std::span<const Tensor> grads,
                               Needs) {
    return std::vector<Tensor>{place_maxima(geometry, grads[0], saved[0])};
  };
  return record_one("max_pool_gather", {x}, ops::gather_at(geometry, x, positions), rule,
                    positions);
}

Tensor recorded_max(const ops::PoolGeometry& geometry, const Tensor& x, ops::MaxPooled pooled) {
  const Rule rule = [geometry](std::span<const Tensor> saved, std::span<const Tensor> grads,
                               Needs) {
    return std::vector<Tensor>{place_maxima(geometry, grads[0], saved[0])};
  };
  return record_one("max_pool", {x}, std::move(pooled.values), rule, pooled.positions);
}

Tensor average_adjoint(const ops::PoolGeometry& geometry, ops::AverageDivisor divisor,
                       const Tensor& y);

Tensor average(const ops::PoolGeometry& geometry, ops::AverageDivisor divisor, const Tensor& x) {
  const Rule rule = [=](std::span<const Tensor>, std::span<const Tensor> grads, Needs) {
    return std::vector<Tensor>{average_adjoint(geometry, divisor, grads[0])};
  };
  return record_one("avg_pool", {x}, ops::average_pool(geometry, divisor, x), rule);
}

Tensor average_adjoint(const ops::PoolGeometry& geometry, ops::AverageDivisor divisor,
                       const Tensor& y) {
  const Rule rule = [=](std::span<const Tensor>, std::span<const Tensor> grads, Needs) {
    return std::vector<Tensor>{average(geometry, divisor, grads[0])};
  };
  return record_one("avg_pool_backward", {y}, ops::average_pool_adjoint(geometry, divisor, y),
                    rule);
}

ops::PoolGeometry geometry_of(std::string_view op, const Tensor& x, const MaxPoolOptions& options) {
  return pool_geometry(x, {.op = op,
                           .kernel = options.kernel,
                           .stride = options.stride ? *options.stride : options.kernel,
                           .padding = options.padding,
                           .dilation = options.dilation,
                           .ceil_mode = options.ceil_mode,
                           .rank = options.rank});
}

MaxPoolResult max_with_indices(const ops::PoolGeometry& geometry, const Tensor& x) {
  Tensor indices;
  Tensor values = with_batch(x, geometry.rank, [&](const Tensor& batch) {
    ops::MaxPooled pooled = ops::max_pool(geometry, batch);
    indices = ops::flat_indices(geometry, pooled.positions);
    return recorded_max(geometry, batch, std::move(pooled));
  });
  if (indices.dim() != values.dim()) indices = indices.squeeze(0);
  return {std::move(values), std::move(indices)};
}

Tensor max_values(const ops::PoolGeometry& geometry, const Tensor& x) {
  return with_batch(x, geometry.rank, [&](const Tensor& batch) {
    return recorded_max(geometry, batch, ops::max_pool(geometry, batch));
  });
}

ops::PoolGeometry adaptive_geometry(std::string_view op, const Tensor& x,
                                    std::span<const std::optional<Index>> output_size) {
  check_floating(op, x);
  const int rank = static_cast<int>(output_size.size());
  VG_CHECK(rank >= 1 && rank <= 3 && (x.dim() == rank + 2 || x.dim() == rank + 1), ShapeError,
           "{}: x must be (batch, channels, size...) or (channels, size...) with a size for each "
           "of 1 to 3 output sizes; got {} for {} output sizes",
           op, x.shape(), rank);
  const int first_size = x.dim() - rank;
  ops::PoolGeometry geometry;
  geometry.rank = rank;
  geometry.batch = first_size == 2 ? x.size(0) : 1;
  geometry.channels = x.size(first_size - 1);
  for (int i = 0; i < rank; ++i) {
    const Index in = x.size(first_size + i);
    const Index out = output_size[static_cast<std::size_t>(i)].value_or(in);
    geometry.axis[static_cast<std::size_t>(3 - rank + i)] = ops::adaptive_axis(op, in, out);
  }
  return geometry;
}

}  // namespace

Tensor max_pool(const Tensor& x, const MaxPoolOptions& options) {
  return max_values(geometry_of("max_pool", x, options), x);
}

MaxPoolResult max_pool_with_indices(const Tensor& x, const MaxPoolOptions& options) {
  return max_with_indices(geometry_of("max_pool_with_indices", x, options), x);
}

Tensor max_unpool(const Tensor& x, const Tensor& indices, std::span<const Index> output_size) {
  check_floating("max_unpool", x);
  const int rank = static_cast<int>(output_size.size()), batch_axes = x.dim() - rank;
  VG_CHECK(
      rank >= 1 && rank <= 3 && (batch_axes == 1 || batch_axes == 2), ShapeError,
      "max_unpool: x must be (batch, channels, size...) or (channels, size...) with a size for "
      "each of 1 to 3 output sizes; got {} for {} output sizes",
      x.shape(), rank);
  VG_CHECK(indices.defined() && indices.shape() == x.shape(), ShapeError,
           "max_unpool: indices must have the shape of x, {}; got {}", x.shape(),
           indices.defined() ? to_string(indices.shape()) : "an undefined tensor");
  VG_CHECK(indices.dtype() == DType::int64, DTypeError, "max_unpool: indices must be int64; got {}",
           name(indices.dtype()));
  Shape lines(x.shape().begin(), x.shape().begin() + batch_axes), result = lines;
  result.insert(result.end(), output_size.begin(), output_size.end());
  const Index places = element_count(output_size),
              values = element_count(std::span(x.shape()).subspan(batch_axes));
  Shape flat = lines;
  flat.push_back(values);
  lines.push_back(places);
  const Tensor empty = zeros(lines, x.dtype(), x.device());
  const Tensor filled = scatter(empty, batch_axes, indices.reshape(flat), x.reshape(flat));
  return filled.reshape(result).channels_last();
}

Tensor avg_pool(const Tensor& x, const AvgPoolOptions& options) {
  const Spatial dilation = 1;
  const ops::PoolGeometry geometry =
      pool_geometry(x, {.op = "avg_pool",
                        .kernel = options.kernel,
                        .stride = options.stride ? *options.stride : options.kernel,
                        .padding = options.padding,
                        .dilation = dilation,
                        .ceil_mode = options.ceil_mode,
                        .rank = options.rank});
  const ops::AverageDivisor divisor{.count_include_pad = options.count_include_pad,
                                    .divisor = options.divisor_override};
  return with_batch(x, geometry.rank,
                    [&](const Tensor& batch) { return average(geometry, divisor, batch); });
}

Tensor adaptive_avg_pool(const Tensor& x, std::span<const std::optional<Index>> output_size) {
  const ops::PoolGeometry geometry = adaptive_geometry("adaptive_avg_pool", x, output_size);
  if (std::ranges::all_of(output_size, [](const auto& size) { return size == 1; })) {
    std::vector<Index> axes(output_size.size());  // the last ones
    std::iota(axes.begin(), axes.end(), static_cast<Index>(x.dim() - geometry.rank));
    return mean(x, axes, true);
  }
  return with_batch(x, geometry.rank,
                    [&](const Tensor& batch) { return average(geometry, {}, batch); });
}

Tensor adaptive_max_pool(const Tensor& x, std::span<const std::optional<Index>> output_size) {
  return max_values(adaptive_geometry("adaptive_max_pool", x, output_size), x);
}

MaxPoolResult adaptive_max_pool_with_indices(const Tensor& x,
                                             std::span<const std::optional<Index>> output_size) {
  return max_with_indices(adaptive_geometry("adaptive_max_pool", x, output_size), x);
}

Tensor lp_pool(const Tensor& x, double p, const LpPoolOptions& options) {
  check_floating("lp_pool", x);
  VG_CHECK(p > 0, ShapeError, "lp_pool: p must be positive; got {}", p);
  const AvgPoolOptions average{.kernel = options.kernel,
                               .stride = options.stride,
                               .ceil_mode = options.ceil_mode,
                               .rank = options.rank};
  const Tensor means = avg_pool(pow(x, p), average);
  // One number may stand for every spatial axis.
  const std::span<const Index> kernel = options.kernel.values();
  const std::size_t rank = options.rank > 0    ? static_cast<std::size_t>(options.rank)
                           : kernel.size() > 1 ? kernel.size()
                                               : x.shape().size() - 2;
  double window = 1;
  for (std::size_t i = 0; i < rank; ++i)
    window *= static_cast<double>(kernel[kernel.size() > 1 ? i : 0]);
  return pow(means * window, 1 / p);
}

}  // namespace voxgrad
