#include <voxgrad/autograd/functions/image.h>

#include <algorithm>

#include <voxgrad/autograd/node.h>
#include <voxgrad/core/check.h>
#include <voxgrad/ops/elementwise.h>
#include <voxgrad/ops/layout.h>

namespace voxgrad {
namespace {

// ---- pixel shuffle

void check_shuffle(std::string_view op, const Tensor& x, Index factor, int rank) {
  VG_CHECK(rank >= 1 && rank <= 3 && factor >= 1 && factor <= (Index{1} << 20), ShapeError,
           "{}: rank must be 1 to 3 and the factor at least 1; got {} and {}", op, rank, factor);
  VG_CHECK(x.dim() > rank, ShapeError, "{}: x must be (batch..., channels, {} sizes); got {}", op,
           rank, x.shape());
}

/// (all batch axes as one, channels, size...).
Tensor with_one_batch_axis(const Tensor& x, int rank) {
  const auto first = x.shape().end() - rank - 1;
  Shape shape{element_count(std::span(x.shape().begin(), first))};
  shape.insert(shape.end(), first, x.shape().end());
  return x.reshape(shape);
}

/// x (batch, size..., channels) as (like's batch axes, channels, size...): channels-last.
Tensor channels_first(const Tensor& x, const Tensor& like, int rank) {
  std::vector<Index> order{0, rank + 1};
  for (Index a = 1; a <= rank; ++a) order.push_back(a);
  const Tensor moved = x.permute(order);
  Shape shape(like.shape().begin(), like.shape().end() - rank - 1);
  shape.insert(shape.end(), moved.shape().begin() + 1, moved.shape().end());
  return moved.reshape(shape);
}

// ---- windows

/// The windows of im2col over (batch, channels, size...).
struct Windows {
  Index batch = 0, channels = 0;
  Shape size, kernel, dilation, padding, stride, count;

  std::vector<Index> padding_of_all_axes(Index sign) const {
    std::vector<Index> all{0, 0};
    for (const Index p : padding) all.push_back(sign * p);
    return all;
  }
  Shape image() const { return joined({batch, channels}, size); }
  Shape padded() const {
    Shape shape = image();
    for (std::size_t a = 0; a < size.size(); ++a) shape[a + 2] += 2 * padding[a];
    return shape;
  }
  Shape columns() const { return {batch, channels * element_count(kernel), element_count(count)}; }
  /// Of tap and place, in a padded image.
  Strides tap_strides(const Strides& image) const {
    Strides strides;
    for (std::size_t a = 0; a < size.size(); ++a) strides.push_back(image[a + 2] * dilation[a]);
    return strides;
  }
  Strides place_strides(const Strides& image) const {
    Strides strides;
    for (std::size_t a = 0; a < size.size(); ++a) strides.push_back(image[a + 2] * stride[a]);
    return strides;
  }

  static Shape joined(Shape a, const Shape& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
  }
};

Windows make_windows(std::string_view op, const Shape& size, const WindowOptions& options) {
  constexpr Index kMost = Index{1} << 30;  // so that no sum overflows
  const int rank = static_cast<int>(size.size());
  const auto kernel = options.kernel.at(rank, op, "kernel");
  const auto dilation = options.dilation.at(rank, op, "dilation");
  const auto padding = options.padding.at(rank, op, "padding");
  const auto stride = options.stride.at(rank, op, "stride");
  Windows w;
  w.size = size;
  for (std::size_t a = 0; a < size.size(); ++a) {
    const Index least = std::min({kernel[a], dilation[a], stride[a], padding[a] + 1});
    const Index most = std::max({kernel[a], dilation[a], stride[a], padding[a]});
    VG_CHECK(least >= 1 && most <= kMost, ShapeError,
             "{}: kernel, dilation and stride must be at least 1, padding at least 0; got {}, {}, "
             "{}, {}",
             op, kernel[a], dilation[a], stride[a], padding[a]);
    VG_CHECK(size[a] >= 0 && size[a] <= kMost * kMost, ShapeError,
             "{}: sizes must be in [0, 2^60]; got {}", op, size[a]);
    const Index room = size[a] + 2 * padding[a] - dilation[a] * (kernel[a] - 1) - 1;
    VG_CHECK(room >= 0, ShapeError,
             "{}: a window spans {} but the padded input has {}; use a smaller kernel or dilation",
             op, dilation[a] * (kernel[a] - 1) + 1, size[a] + 2 * padding[a]);
    w.kernel.push_back(kernel[a]);
    w.dilation.push_back(dilation[a]);
    w.padding.push_back(padding[a]);
    w.stride.push_back(stride[a]);
    w.count.push_back(room / stride[a] + 1);
  }
  return w;
}

Tensor gathered(const Windows& w, const Tensor& x) {
  const auto amounts = w.padding_of_all_axes(1);
  const Tensor padded = ops::pad(x, amounts, amounts, PadMode::constant);
  const Shape shape = Windows::joined(Windows::joined({w.batch, w.channels}, w.kernel), w.count);
  const Strides& image = padded.strides();
  const Strides strides = Windows::joined(
      Windows::joined({image[0], image[1]}, w.tap_strides(image)), w.place_strides(image));
  Tensor result = Tensor::empty(shape, x.dtype(), x.device());
  ops::copy_into(result, padded.alias(shape, strides, padded.offset()));
  const Shape columns = w.columns();
  return result.alias(columns, contiguous_strides(columns), 0);
}

/// Adds one tap of every window after another, in row-major order.
Tensor scattered(const Windows& w, const Tensor& values) {
  const Tensor columns = ops::to_contiguous(values);
  Tensor padded = Tensor::empty(w.padded(), columns.dtype(), columns.device());
  ops::fill(padded, 0);
  const Shape part = Windows::joined({w.batch, w.channels}, w.count);
  const Index taps = element_count(w.kernel), places = element_count(w.count);
  const Strides& image = padded.strides();
  const Strides to = Windows::joined({image[0], image[1]}, w.place_strides(image));
  const Strides from =
      Windows::joined({w.channels * taps * places, taps * places}, contiguous_strides(w.count));
  const Strides tap_strides = w.tap_strides(image);
  for (Index tap = 0; tap < taps && columns.numel() > 0; ++tap) {
    Index offset = 0, rest = tap;
    for (std::size_t a = w.kernel.size(); a-- > 0; rest /= w.kernel[a])
      offset += rest % w.kernel[a] * tap_strides[a];
    Tensor target = padded.alias(part, to, offset);
    ops::add_scaled_into(target, columns.alias(part, from, columns.offset() + tap * places), 1);
  }
  const auto amounts = w.padding_of_all_axes(-1);
  return ops::pad(padded, amounts, amounts, PadMode::constant);
}

Tensor scatter_windows(const Windows& w, const Tensor& columns);

/// Linear, and the adjoint of scatter_windows: the two differentiate into each other.
Tensor gather_windows(const Windows& w, const Tensor& x) {
  const Rule rule = [w](std::span<const Tensor>, std::span<const Tensor> grads, Needs) {
    return std::vector<Tensor>{scatter_windows(w, grads[0])};
  };
  return record_one("im2col", {x}, gathered(w, x), rule);
}

Tensor scatter_windows(const Windows& w, const Tensor& columns) {
  const Rule rule = [w](std::span<const Tensor>, std::span<const Tensor> grads, Needs) {
    return std::vector<Tensor>{gather_windows(w, grads[0])};
  };
  return record_one("col2im", {columns}, scattered(w, columns), rule);
}

}  // namespace

Tensor pixel_shuffle(const Tensor& x, Index factor, int rank) {
  check_shuffle("pixel_shuffle", x, factor, rank);
  const Tensor batch = with_one_batch_axis(x, rank);
  Index parts = 1;
  for (int a = 0; a < rank; ++a) parts = checked_product(parts, factor);
  VG_CHECK(batch.size(1) % parts == 0, ShapeError,
           "pixel_shuffle: channels must divide by {}; got {} for x {}", parts, batch.size(1),
           x.shape());
  // (batch, channels, factor..., size...) to (batch, size and factor by turns..., channels).
  Shape split{batch.size(0), batch.size(1) / parts}, places{batch.size(0)};
  split.insert(split.end(), static_cast<std::size_t>(rank), factor);
  std::vector<Index> order{0};
  for (int a = 0; a < rank; ++a) {
    split.push_back(batch.size(2 + a));
    places.push_back(checked_product(batch.size(2 + a), factor));
    order.push_back(2 + rank + a);
    order.push_back(2 + a);
  }
  order.push_back(1);
  places.push_back(split[1]);
  return channels_first(batch.reshape(split).permute(order).reshape(places), x, rank);
}

Tensor pixel_unshuffle(const Tensor& x, Index factor, int rank) {
  check_shuffle("pixel_unshuffle", x, factor, rank);
  const Tensor batch = with_one_batch_axis(x, rank);
  // (batch, channels, size and factor by turns...) to (batch, size..., channels, factor...).
  Shape split{batch.size(0), batch.size(1)}, places{batch.size(0)};
  std::vector<Index> order{0}, factors{1};
  Index channels = batch.size(1);
  for (int a = 0; a < rank; ++a) {
    const Index size = batch.size(2 + a);
    VG_CHECK(size % factor == 0, ShapeError,
             "pixel_unshuffle: sizes must divide by the factor {}; got x {}", factor, x.shape());
    split.push_back(size / factor);
    split.push_back(factor);
    places.push_back(size / factor);
    channels = checked_product(channels, factor);
    order.push_back(2 + 2 * a);
    factors.push_back(3 + 2 * a);
  }
  order.insert(order.end(), factors.begin(), factors.end());
  places.push_back(channels);
  return channels_first(batch.reshape(split).permute(order).reshape(places), x, rank);
}

Tensor im2col(const Tensor& x, const WindowOptions& options) {
  const auto listed = static_cast<int>(options.kernel.values().size());
  const int rank = options.rank > 0 ? options.rank : listed > 1 ? listed : x.dim() - 2;
  const bool batched = x.dim() == rank + 2;
  VG_CHECK(rank >= 1 && rank <= 3 && (batched || x.dim() == rank + 1), ShapeError,
           "im2col: x must be (batch, channels, size...) or (channels, size...) with {} sizes; got "
           "{}",
           rank, x.shape());
  Windows w = make_windows("im2col", Shape(x.shape().end() - rank, x.shape().end()), options);
  w.batch = batched ? x.size(0) : 1;
  w.channels = x.size(batched ? 1 : 0);
  return batched ? gather_windows(w, x) : gather_windows(w, x.unsqueeze(0)).squeeze(0);
}

Tensor col2im(const Tensor& columns, const Shape& size, const WindowOptions& options) {
  VG_CHECK(size.size() >= 1 && size.size() <= 3, ShapeError,
           "col2im: size must have 1 to 3 axes; got {}", to_string(size));
  VG_CHECK(columns.dim() == 2 || columns.dim() == 3, ShapeError,
           "col2im: columns must be (batch, channels * kernel, windows); got {}", columns.shape());
  const bool batched = columns.dim() == 3;
  Windows w = make_windows("col2im", size, options);
  const Index taps = element_count(w.kernel), rows = columns.size(-2);
  VG_CHECK(rows % taps == 0 && columns.size(-1) == element_count(w.count), ShapeError,
           "col2im: columns must be (batch, channels * {}, {}); got {}", taps,
           element_count(w.count), columns.shape());
  w.batch = batched ? columns.size(0) : 1;
  w.channels = rows / taps;
  return batched ? scatter_windows(w, columns)
                 : scatter_windows(w, columns.unsqueeze(0)).squeeze(0);
}

}  // namespace voxgrad
