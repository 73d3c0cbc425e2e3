// Losses over classes, tile by tile (class_tile.h). Sums over positions are in float64, one per
// tile or chunk, added in order.
#include <voxgrad/ops/loss.h>

#include <numeric>

#include <voxgrad/ops/cpu/by_instruction_set.h>
#include <voxgrad/ops/cpu/class_tile.h>
#include <voxgrad/ops/label_rule.h>

namespace voxgrad::ops::cpu {
namespace {

std::size_t unsign(Index i) { return static_cast<std::size_t>(i); }

/// Labels of any dtype as channels, checked.
class Labels {
 public:
  Labels(const Tensor& labels, const LabelTerms& terms, Index classes)
      : data_(labels.raw()), dtype_(labels.dtype()), terms_(terms), rule_(terms, classes) {}

  void load(Index first, Index count, Index* channels) const {
    switch (dtype_) {
      case DType::int64: return convert<std::int64_t>(first, count, channels);
      case DType::int32: return convert<std::int32_t>(first, count, channels);
      default: return convert<std::uint8_t>(first, count, channels);
    }
  }

 private:
  template <typename L>
  void convert(Index first, Index count, Index* channels) const {
    const L* labels = static_cast<const L*>(data_) + first;
    for (Index p = 0; p < count; ++p) {
      const Index label = static_cast<Index>(labels[p]);
      channels[p] = rule_.channel(label);
      if (channels[p] == kNoLabel) refuse_label(terms_, rule_.classes, label);
    }
  }

  const void* data_;
  DType dtype_;
  const LabelTerms& terms_;
  LabelRule rule_;
};

/// Class weights in double, and their sum.
struct Weights {
  Weights(const Tensor& weight, Index classes) : each(unsign(classes), 1.0) {
    if (weight.defined()) {
      visit_floating(weight.dtype(),
                     [&]<typename T>() { std::copy_n(weight.data<T>(), classes, each.begin()); });
    }
    sum = std::accumulate(each.begin(), each.end(), 0.0);
  }
  std::vector<double> each;
  double sum;
};

/// Scratch of one tile of scores.
template <typename T>
struct ScoreTile {
  explicit ScoreTile(const ClassShape& shape)
      : stride(tile_positions(shape.classes)),
        memory(unsign(stride * (shape.classes + 3))),
        channels(unsign(stride)),
        values(memory.data()),
        largest(values + stride * shape.classes),
        sums(largest + stride),
        extra(sums + stride) {}

  void find_largest(const ClassShape& shape, Index count) {
    run_widest<MaximumBody>(static_cast<const T*>(values), shape.classes, stride, count, largest);
  }

  /// After find_largest: values = exp(scores - largest), sums over classes.
  void exponentiate(const ClassShape& shape, Index count) {
    run_widest<ExponentialBody>(values, shape.classes, stride, count,
                                static_cast<const T*>(largest), sums);
  }

  Index stride;
  std::vector<T> memory;
  std::vector<Index> channels;
  T* values;
  T* largest;
  T* sums;
  T* extra;
};

template <typename T>
struct TileTotals {
  double loss = 0;
  double weight = 0;

  // -logp[c] = (largest - x[c]) + log(sum): in this order large scores lose nothing.
  void add(const ClassShape& shape, const LabelTerms& terms, const Weights& weights, Index count,
           ScoreTile<T>& tile, T* losses) {
    // What is linear in the scores must be taken before they become powers; `extra` holds it
    // relative to the largest.
    tile.find_largest(shape, count);
    const double share = terms.smoothing / static_cast<double>(shape.classes);
    for (Index p = 0; p < count; ++p) {
      const Index y = tile.channels[unsign(p)];
      if (y < 0) continue;
      double part = (1 - terms.smoothing) * weights.each[unsign(y)] *
                    static_cast<double>(tile.largest[p] - tile.values[y * tile.stride + p]);
      for (Index c = 0; share > 0 && c < shape.classes; ++c) {
        part += share * weights.each[unsign(c)] *
                static_cast<double>(tile.largest[p] - tile.values[c * tile.stride + p]);
      }
      tile.extra[p] = static_cast<T>(part);
    }
    tile.exponentiate(shape, count);
    for (Index p = 0; p < count; ++p) tile.sums[p] = std::log(tile.sums[p]);
    for (Index p = 0; p < count; ++p) {
      const Index y = tile.channels[unsign(p)];
      double value = 0;
      if (y >= 0) {
        const double factor = (1 - terms.smoothing) * weights.each[unsign(y)] + share * weights.sum;
        value = static_cast<double>(tile.extra[p]) + factor * static_cast<double>(tile.sums[p]);
        weight += weights.each[unsign(y)];
      }
      loss += value;
      if (losses) losses[p] = static_cast<T>(value);
    }
  }
};

void cross_entropy(const ClassShape& shape, const LabelTerms& terms, const Tensor& scores,
                   const Tensor& labels, const Tensor& weight, Tensor& losses, Tensor& totals) {
  const Labels channels(labels, terms, shape.classes);
  const Weights weights(weight, shape.classes);
  const Index size = tile_positions(shape.classes);
  double loss_sum = 0, weight_sum = 0;
  visit_floating(scores.dtype(), [&]<typename T>() {
    const T* from = scores.data<T>();
    T* each = losses.defined() ? losses.mutable_data<T>() : nullptr;
    std::vector<TileTotals<T>> parts(unsign((shape.positions() + size - 1) / size));
    for_each_tile(shape, [&](Index first, Index count) {
      ScoreTile<T> tile(shape);
      channels.load(first, count, tile.channels.data());
      load_tile(shape, from, first, count, tile.stride, tile.values);
      parts[unsign(first / size)].add(shape, terms, weights, count, tile,
                                      each ? each + first : nullptr);
    });
    for (const auto& part : parts) {
      loss_sum += part.loss;
      weight_sum += part.weight;
    }
  });
  double* to = totals.mutable_data<double>();
  to[0] = loss_sum;
  to[1] = weight_sum;
}

/// values[c] = values[c] * power_factor[p] - constant[c] * constant_factor[p]
struct ScoreGradientBody {
  template <typename T>
  [[gnu::always_inline]] static inline void run(T* values, Index classes, Index stride, Index count,
                                                const T* power_factor, const T* constant,
                                                const T* constant_factor) {
    for (Index c = 0; c < classes; ++c) {
      T* x = values + c * stride;
      const T share = constant[c];
#pragma GCC ivdep
      for (Index p = 0; p < count; ++p) x[p] = x[p] * power_factor[p] - share * constant_factor[p];
    }
  }
};

// With f = weight[y] * (1 - s) and the share s / classes, times the incoming gradient g of the
// position:
//   d loss / d x[c] = g * ((f + share * sum of weights) * p[c] - f * [c == y] - share * weight[c])
void cross_entropy_gradient(const ClassShape& shape, const LabelTerms& terms, const Tensor& scores,
                            const Tensor& labels, const Tensor& weight, const Tensor& totals,
                            const Tensor& grad, Tensor& dscores) {
  const Labels channels(labels, terms, shape.classes);
  const Weights weights(weight, shape.classes);
  const double share = terms.smoothing / static_cast<double>(shape.classes);
  const double factor = totals.defined() ? 1 / totals.data<double>()[1] : 1;
  visit_floating(scores.dtype(), [&]<typename T>() {
    const T* from = scores.data<T>();
    const T* incoming = grad.data<T>();
    const bool one = grad.numel() == 1;
    T* to = dscores.mutable_data<T>();
    std::vector<T> shares(unsign(shape.classes));
    for (Index c = 0; c < shape.classes; ++c)
      shares[unsign(c)] = static_cast<T>(share * weights.each[unsign(c)]);
    for_each_tile(shape, [&](Index first, Index count) {
      ScoreTile<T> tile(shape);
      channels.load(first, count, tile.channels.data());
      load_tile(shape, from, first, count, tile.stride, tile.values);
      tile.find_largest(shape, count);
      tile.exponentiate(shape, count);
      for (Index p = 0; p < count; ++p) {
        const Index y = tile.channels[unsign(p)];
        const double g = y < 0 ? 0 : factor * static_cast<double>(incoming[one ? 0 : first + p]);
        const double f = y < 0 ? 0 : g * weights.each[unsign(y)] * (1 - terms.smoothing);
        tile.largest[p] = static_cast<T>(f);
        tile.extra[p] = static_cast<T>(g);
        tile.sums[p] = static_cast<T>(f + g * share * weights.sum) / tile.sums[p];
      }
      run_widest<ScoreGradientBody>(
          tile.values, shape.classes, tile.stride, count, static_cast<const T*>(tile.sums),
          static_cast<const T*>(shares.data()), static_cast<const T*>(tile.extra));
      for (Index p = 0; p < count; ++p) {
        const Index y = tile.channels[unsign(p)];
        if (y >= 0) tile.values[y * tile.stride + p] -= tile.largest[p];
        // Scores of ignored positions may hold anything; they get no gradient.
        for (Index c = 0; y < 0 && c < shape.classes; ++c) tile.values[c * tile.stride + p] = 0;
      }
      store_tile(shape, static_cast<const T*>(tile.values), first, count, tile.stride, to);
    });
  });
}

void target(const ClassShape& shape, const LabelTerms& terms, const Tensor& labels,
            const Tensor& weight, Tensor& result) {
  const Labels channels(labels, terms, shape.classes);
  const Weights weights(weight, shape.classes);
  const double share = terms.smoothing / static_cast<double>(shape.classes);
  visit_floating(result.dtype(), [&]<typename T>() {
    T* to = result.mutable_data<T>();
    for_each_tile(shape, [&](Index first, Index count) {
      ScoreTile<T> tile(shape);
      channels.load(first, count, tile.channels.data());
      for (Index p = 0; p < count; ++p) {
        const Index y = tile.channels[unsign(p)];
        if (y < 0) continue;  // the tile starts as zeros
        for (Index c = 0; c < shape.classes; ++c)
          tile.values[c * tile.stride + p] = static_cast<T>(share * weights.each[unsign(c)]);
        tile.values[y * tile.stride + p] +=
            static_cast<T>((1 - terms.smoothing) * weights.each[unsign(y)]);
      }
      store_tile(shape, static_cast<const T*>(tile.values), first, count, tile.stride, to);
    });
  });
}

void one_hot(Index classes, const Tensor& labels, Tensor& result) {
  const LabelTerms terms{.op = "one_hot", .ignore_index = {}};
  const Labels channels(labels, terms, classes);
  std::int64_t* to = result.mutable_data<std::int64_t>();
  for_each_tile({labels.numel(), classes, 1}, [&](Index first, Index count) {
    std::vector<Index> place(unsign(count));
    channels.load(first, count, place.data());
    std::fill_n(to + first * classes, count * classes, 0);
    for (Index p = 0; p < count; ++p) to[(first + p) * classes + place[unsign(p)]] = 1;
  });
}

constexpr int kLanes = 16;

/// sums = (shared, scores, labels) of one class over a tile, in kLanes parts each.
struct OverlapBody {
  template <typename T>
  [[gnu::always_inline]] static inline void run(const T* values, const Index* channels, Index c,
                                                Index count, double* sums) {
    double shared[kLanes] = {}, scores[kLanes] = {}, labels[kLanes] = {};
    Index p = 0;
    for (; p + kLanes <= count; p += kLanes) {
      for (int l = 0; l < kLanes; ++l) {
        const double x = static_cast<double>(values[p + l]);
        const double mine = channels[p + l] == c ? 1.0 : 0.0;
        scores[l] += channels[p + l] == kIgnored ? 0.0 : x;
        shared[l] += channels[p + l] == c ? x : 0.0;
        labels[l] += mine;
      }
    }
    for (; p < count; ++p) {
      const double x = static_cast<double>(values[p]);
      scores[0] += channels[p] == kIgnored ? 0.0 : x;
      shared[0] += channels[p] == c ? x : 0.0;
      labels[0] += channels[p] == c ? 1.0 : 0.0;
    }
    for (int l = 0; l < kLanes; ++l) {
      sums[0] += shared[l];
      sums[1] += scores[l];
      sums[2] += labels[l];
    }
  }
};

/// Positions that one thread sums at a time; a chunk lies in one sample.
constexpr Index kChunk = 16384;

void overlap(const ClassShape& shape, const LabelTerms& terms, Index samples, const Tensor& scores,
             const Tensor& labels, Overlap& result) {
  const Labels channels(labels, terms, shape.classes);
  const Index classes = shape.classes;
  const Index size = samples > 0 ? shape.positions() / samples : 0;
  const Index chunks = std::max<Index>(1, (size + kChunk - 1) / kChunk);
  std::vector<double> parts(unsign(samples * chunks * classes * 3));
  visit_floating(scores.dtype(), [&]<typename T>() {
    const T* from = scores.data<T>();
    parallel_for(samples * chunks, [&](Index i) {
      ScoreTile<T> tile(shape);
      const Index start = i / chunks * size + i % chunks * kChunk;
      const Index end = std::min(start + kChunk, (i / chunks + 1) * size);
      for (Index at = start; at < end; at += tile.stride) {
        const Index count = std::min(tile.stride, end - at);
        channels.load(at, count, tile.channels.data());
        load_tile(shape, from, at, count, tile.stride, tile.values);
        for (Index c = 0; c < classes; ++c) {
          run_widest<OverlapBody>(static_cast<const T*>(tile.values + c * tile.stride),
                                  static_cast<const Index*>(tile.channels.data()), c, count,
                                  parts.data() + (i * classes + c) * 3);
        }
      }
    });
    T* to[3] = {result.shared.mutable_data<T>(), result.scores.mutable_data<T>(),
                result.labels.mutable_data<T>()};
    for (Index i = 0; i < samples * classes; ++i) {
      for (Index k = 0; k < 3; ++k) {
        double total = 0;
        for (Index chunk = 0; chunk < chunks; ++chunk)
          total += parts[unsign(((i / classes * chunks + chunk) * classes + i % classes) * 3 + k)];
        to[k][i] = static_cast<T>(total);
      }
    }
  });
}

void overlap_adjoint(const ClassShape& shape, const LabelTerms& terms, Index samples,
                     const Tensor& labels, const Tensor& shared, const Tensor& scores,
                     Tensor& result) {
  const Labels channels(labels, terms, shape.classes);
  const Index size = samples > 0 ? shape.positions() / samples : 0;
  visit_floating(result.dtype(), [&]<typename T>() {
    const T* everywhere = scores.data<T>();
    const T* at_label = shared.data<T>();
    T* to = result.mutable_data<T>();
    for_each_tile(shape, [&](Index first, Index count) {
      ScoreTile<T> tile(shape);
      channels.load(first, count, tile.channels.data());
      for (Index p = 0; p < count; ++p) {
        const Index y = tile.channels[unsign(p)];
        if (y == kIgnored) continue;  // the tile starts as zeros
        const Index row = (first + p) / size * shape.classes;
        for (Index c = 0; c < shape.classes; ++c)
          tile.values[c * tile.stride + p] = everywhere[row + c];
        if (y >= 0) tile.values[y * tile.stride + p] += at_label[row + y];
      }
      store_tile(shape, static_cast<const T*>(tile.values), first, count, tile.stride, to);
    });
  });
}

}  // namespace

const LossKernels kLoss = {.cross_entropy = cross_entropy,
                           .cross_entropy_gradient = cross_entropy_gradient,
                           .target = target,
                           .one_hot = one_hot,
                           .overlap = overlap,
                           .overlap_adjoint = overlap_adjoint};

}  // namespace voxgrad::ops::cpu
