// Pooling over channels-last volumes: one part per element that is written, channels fastest, so
// that neighbours read neighbours. The adjoints gather: each input sums the windows that reach over
// it, in ascending order. Large windows of few outputs are pooled axis by axis, which has many
// parts and gives the same bits.
#include <voxgrad/ops/pool.h>

#include <cstdint>

#include <voxgrad/ops/cuda/launch.h>
#include <voxgrad/ops/cuda/walk.h>

namespace voxgrad::ops::cuda {

namespace {

struct Element {
  Index sample, d, h, w, channel;
};

/// The inputs or outputs of a pooling, as they lie in memory.
struct Volume {
  Index d, h, w, channels;

  Volume(const PoolGeometry& g, Index PoolAxis::*size)
      : d(g.axis[0].*size), h(g.axis[1].*size), w(g.axis[2].*size), channels(g.channels) {}

  __device__ Element element(Index i) const {
    const Divided at_c = divide(i, channels), at_w = divide(at_c.quotient, w);
    const Divided at_h = divide(at_w.quotient, h), at_d = divide(at_h.quotient, d);
    return {at_d.quotient, at_d.rest, at_h.rest, at_w.rest, at_c.rest};
  }
  /// The first channel of the line of places along w.
  __device__ Index line(Index sample, Index at_d, Index at_h) const {
    return ((sample * d + at_d) * h + at_h) * w * channels;
  }
};

/// Of a window, or of one axis of it: then x holds the maxima along the axes inside, and `inner`
/// which of `places` each of them was.
template <typename T, typename P>
struct Maximum {
  PoolGeometry g;
  Volume in, out;
  const T* x;
  const std::int32_t* inner;  ///< null where x is what is pooled
  Index places;
  T* y;
  P* positions;
  __device__ void operator()(Index i) const {
    const Element e = out.element(i);
    const auto &ad = g.axis[0], &ah = g.axis[1], &aw = g.axis[2];
    const auto d = ad.taps_inside(e.d), h = ah.taps_inside(e.h), w = aw.taps_inside(e.w);
    const Index start_d = ad.start(e.d), start_h = ah.start(e.h), start_w = aw.start(e.w);
    T best = 0;
    Index where = -1;
    for (Index kd = d.first; kd < d.end; ++kd) {
      for (Index kh = h.first; kh < h.end; ++kh) {
        const Index line =
            in.line(e.sample, start_d + kd * ad.dilation, start_h + kh * ah.dilation) + e.channel;
        for (Index kw = w.first; kw < w.end; ++kw) {
          const Index at = line + (start_w + kw * aw.dilation) * in.channels;
          const T value = x[at];
          if (where >= 0 && !(value > best || value != value)) continue;
          best = value;
          where = ((kd * ah.kernel + kh) * aw.kernel + kw) * places;
          if (inner != nullptr) where += inner[at];
        }
      }
    }
    y[i] = best;
    positions[i] = static_cast<P>(where);
  }
};

template <typename T, typename P>
struct Scatter {
  PoolGeometry g;
  Volume in, out;
  const T* y;
  const P* positions;
  T* x;
  __device__ void operator()(Index i) const {
    const Element e = in.element(i);
    const auto &ad = g.axis[0], &ah = g.axis[1], &aw = g.axis[2];
    const auto d = ad.outputs_around(e.d), h = ah.outputs_around(e.h), w = aw.outputs_around(e.w);
    T sum = 0;
    for (Index od = d.first; od < d.end; ++od) {
      const Index kd = ad.tap_at(od, e.d);
      for (Index oh = h.first; kd >= 0 && oh < h.end; ++oh) {
        const Index kh = ah.tap_at(oh, e.h);
        const Index line = out.line(e.sample, od, oh) + e.channel;
        for (Index ow = w.first; kh >= 0 && ow < w.end; ++ow) {
          const Index kw = aw.tap_at(ow, e.w);
          const Index at = line + ow * out.channels;
          if (kw >= 0 && positions[at] == (kd * ah.kernel + kh) * aw.kernel + kw) sum += y[at];
        }
      }
    }
    x[i] = sum;
  }
};

/// Which place of the spatial axes of x an element of y was taken from.
struct Taken {
  PoolGeometry g;

  __device__ Index operator()(const Element& e, Index tap) const {
    const auto &ad = g.axis[0], &ah = g.axis[1], &aw = g.axis[2];
    const Divided at_w = divide(tap, aw.kernel), at_h = divide(at_w.quotient, ah.kernel);
    const Index d = ad.start(e.d) + at_h.quotient * ad.dilation;
    const Index h = ah.start(e.h) + at_h.rest * ah.dilation;
    const Index w = aw.start(e.w) + at_w.rest * aw.dilation;
    return (d * ah.in + h) * aw.in + w;
  }
};

template <typename T, typename P>
struct Gather {
  Taken taken;
  Volume in, out;
  const T* x;
  const P* positions;
  T* y;
  __device__ void operator()(Index i) const {
    const Element e = out.element(i);
    y[i] = x[in.line(e.sample, 0, 0) + taken(e, positions[i]) * in.channels + e.channel];
  }
};

template <typename P>
struct FlatIndices {
  Taken taken;
  Volume out;
  const P* positions;
  std::int64_t* indices;
  __device__ void operator()(Index i) const { indices[i] = taken(out.element(i), positions[i]); }
};

/// A sum per line and per plane keeps rounding small in large windows.
template <typename T>
struct Average {
  PoolGeometry g;
  PoolGeometry windows;  ///< whose factors are taken: those of g, or of what g is the last part of
  AverageDivisor divisor;
  Volume in, out;
  const T* x;
  T* y;
  __device__ void operator()(Index i) const {
    const Element e = out.element(i);
    const auto &ad = g.axis[0], &ah = g.axis[1], &aw = g.axis[2];
    const auto d = ad.taps_inside(e.d), h = ah.taps_inside(e.h), w = aw.taps_inside(e.w);
    const Index start_d = ad.start(e.d), start_h = ah.start(e.h), start_w = aw.start(e.w);
    T sum = 0;
    for (Index kd = d.first; kd < d.end; ++kd) {
      T plane = 0;
      for (Index kh = h.first; kh < h.end; ++kh) {
        const T* from = x + in.line(e.sample, start_d + kd, start_h + kh) + e.channel;
        T line = 0;
        for (Index kw = w.first; kw < w.end; ++kw) line += from[(start_w + kw) * in.channels];
        plane += line;
      }
      sum += plane;
    }
    y[i] = sum * (divisor.whole<T>() * divisor.share<T>(windows.axis[0], e.d) *
                  divisor.share<T>(windows.axis[1], e.h) * divisor.share<T>(windows.axis[2], e.w));
  }
};

template <typename T>
struct AverageAdjoint {
  PoolGeometry g;
  AverageDivisor divisor;
  Volume in, out;
  const T* y;
  T* x;
  __device__ void operator()(Index i) const {
    const Element e = in.element(i);
    const auto &ad = g.axis[0], &ah = g.axis[1], &aw = g.axis[2];
    const auto d = ad.outputs_around(e.d), h = ah.outputs_around(e.h), w = aw.outputs_around(e.w);
    T sum = 0;
    for (Index od = d.first; od < d.end; ++od) {
      T plane = 0;
      for (Index oh = h.first; oh < h.end; ++oh) {
        const T* from = y + out.line(e.sample, od, oh) + e.channel;
        T line = 0;
        for (Index ow = w.first; ow < w.end; ++ow)
          line += from[ow * out.channels] * divisor.share<T>(aw, ow);
        plane += line * divisor.share<T>(ah, oh);
      }
      sum += plane * divisor.share<T>(ad, od);
    }
    x[i] = sum * divisor.whole<T>();
  }
};

Volume inputs(const PoolGeometry& g) { return {g, &PoolAxis::in}; }
Volume outputs(const PoolGeometry& g) { return {g, &PoolAxis::out}; }

/// Calls f.operator()<T, P>() for the value type and the position type.
template <typename F>
void visit_types(DType value, DType position, F&& f) {
  visit_floating(value, [&]<typename T>() {
    if (position == DType::uint8) f.template operator()<T, std::uint8_t>();
    else f.template operator()<T, std::int32_t>();
  });
}

bool goes_by_axes(const PoolGeometry& g, const Tensor& y) {
  constexpr Index kLargeWindow = 64, kFewParts = Index{1} << 17;
  return g.window() >= kLargeWindow && y.numel() < kFewParts;
}

/// One axis of g pooled, those before it as in the input, those behind it as in the output.
PoolGeometry along(const PoolGeometry& g, std::size_t axis) {
  PoolGeometry result = g;
  result.rank = 3;
  for (std::size_t a = 0; a < 3; ++a) {
    if (a == axis) continue;
    const Index size = a < axis ? g.axis[a].in : g.axis[a].out;
    result.axis[a] = {.in = size, .out = size};
  }
  return result;
}

/// @param inner  as in Maximum, or an undefined tensor
void max_with(const PoolGeometry& g, const Tensor& x, const Tensor& inner, Index places, Tensor& y,
              Tensor& positions) {
  const std::int32_t* within = inner.defined() ? inner.data<std::int32_t>() : nullptr;
  visit_types(x.dtype(), positions.dtype(), [&]<typename T, typename P>() {
    launch("max_pool", y.numel(),
           Maximum<T, P>{g, inputs(g), outputs(g), x.data<T>(), within, places, y.mutable_data<T>(),
                         positions.mutable_data<P>()});
  });
}

void max(const PoolGeometry& g, const Tensor& x, Tensor& y, Tensor& positions) {
  if (!goes_by_axes(g, y)) return max_with(g, x, {}, 1, y, positions);
  Tensor from = x, inner;
  Index places = 1;
  for (const std::size_t axis : {std::size_t{2}, std::size_t{1}}) {
    const PoolGeometry part = along(g, axis);
    Tensor maxima = Tensor::empty_channels_last(part.output_shape(), x.dtype(), x.device());
    Tensor within = Tensor::empty_channels_last(part.output_shape(), DType::int32, x.device());
    max_with(part, from, inner, places, maxima, within);
    from = maxima;
    inner = within;
    places *= g.axis[axis].kernel;
  }
  max_with(along(g, 0), from, inner, places, y, positions);
}

void scatter(const PoolGeometry& g, const Tensor& y, const Tensor& positions, Tensor& x) {
  visit_types(y.dtype(), positions.dtype(), [&]<typename T, typename P>() {
    launch("max_pool_backward", x.numel(),
           Scatter<T, P>{g, inputs(g), outputs(g), y.data<T>(), positions.data<P>(),
                         x.mutable_data<T>()});
  });
}

void gather(const PoolGeometry& g, const Tensor& x, const Tensor& positions, Tensor& y) {
  visit_types(x.dtype(), positions.dtype(), [&]<typename T, typename P>() {
    launch("max_pool_gather", y.numel(),
           Gather<T, P>{
               {g}, inputs(g), outputs(g), x.data<T>(), positions.data<P>(), y.mutable_data<T>()});
  });
}

void flat_indices(const PoolGeometry& g, const Tensor& positions, Tensor& indices) {
  visit_types(DType::float32, positions.dtype(), [&]<typename, typename P>() {
    launch(
        "max_pool_indices", indices.numel(),
        FlatIndices<P>{{g}, outputs(g), positions.data<P>(), indices.mutable_data<std::int64_t>()});
  });
}

void average_with(const PoolGeometry& g, const PoolGeometry& windows, AverageDivisor divisor,
                  const Tensor& x, Tensor& y) {
  visit_floating(x.dtype(), [&]<typename T>() {
    launch(
        "avg_pool", y.numel(),
        Average<T>{g, windows, divisor, inputs(g), outputs(g), x.data<T>(), y.mutable_data<T>()});
  });
}

void average(const PoolGeometry& g, AverageDivisor divisor, const Tensor& x, Tensor& y) {
  constexpr Index kLargeWindow = 64, kFewParts = Index{1} << 17;
  if (g.window() < kLargeWindow || y.numel() >= kFewParts) return average_with(g, g, divisor, x, y);
  const AverageDivisor one{.divisor = 1};
  Tensor from = x;
  for (const std::size_t axis : {std::size_t{2}, std::size_t{1}}) {
    const PoolGeometry part = along(g, axis);
    Tensor sums = Tensor::empty_channels_last(part.output_shape(), x.dtype(), x.device());
    average_with(part, part, one, from, sums);
    from = sums;
  }
  average_with(along(g, 0), g, divisor, from, y);
}

void average_adjoint(const PoolGeometry& g, AverageDivisor divisor, const Tensor& y, Tensor& x) {
  visit_floating(y.dtype(), [&]<typename T>() {
    launch("avg_pool_backward", x.numel(),
           AverageAdjoint<T>{g, divisor, inputs(g), outputs(g), y.data<T>(), x.mutable_data<T>()});
  });
}

}  // namespace

const PoolKernels kPool = {.max = max,
                           .scatter = scatter,
                           .gather = gather,
                           .flat_indices = flat_indices,
                           .average = average,
                           .average_adjoint = average_adjoint};

}  // namespace voxgrad::ops::cuda
