// Internal: how the kernels of normalisation walk rows of channels. A chunk of rows is one flat run
// of memory, read as blocks of `width` elements: width is a multiple of the channels and of 16, so
// element l of every block belongs to channel l % channels. Loops over l vectorise whatever the
// number of channels; per-channel factors are repeated to `width` beforehand.
//
// Chunks are cut by shape; sums over them are merged in order.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <numeric>
#include <vector>

#include <voxgrad/core/parallel.h>
#include <voxgrad/ops/cpu/stream.h>
#include <voxgrad/ops/norm.h>
#include <voxgrad/ops/norm_function.h>

namespace voxgrad::ops::cpu {

using Doubles = std::vector<double>;

inline std::size_t unsign(Index i) { return static_cast<std::size_t>(i); }

/// Zeros, from the start of a cache line on: vectors of a block must not lie across two.
template <typename T>
class Lines {
 public:
  explicit Lines(std::size_t size = 0) : lines_((size + kElements - 1) / kElements) {}

  void resize(std::size_t size) { lines_.resize((size + kElements - 1) / kElements); }
  T* data() { return lines_.empty() ? nullptr : lines_.front().elements; }
  const T* data() const { return lines_.empty() ? nullptr : lines_.front().elements; }

 private:
  static constexpr std::size_t kElements = kLineBytes / sizeof(T);
  struct alignas(kLineBytes) Line {
    T elements[kElements] = {};
  };

  std::vector<Line> lines_;
};

/// How the rows of each group are cut, and how wide a block is.
struct RowChunks {
  Index width;  // elements of a block
  Index rows;   // of a chunk; the last one of a group may have fewer
  Index count;  // per group

  explicit RowChunks(const NormShape& shape) {
    const Index c = std::max<Index>(shape.channels, 1);
    const Index aligned = c * (16 / std::gcd<Index>(c, 16));
    width = aligned * ((64 + aligned - 1) / aligned);
    // 64 rows at least: what a chunk leaves behind must be small beside it.
    rows = std::max<Index>(64, 32768 / c);
    count = (shape.rows + rows - 1) / rows;
  }
};

/// Calls body(group, chunk, first element, elements) for all chunks of all groups, from several
/// threads.
template <typename Body>
void for_each_chunk(const NormShape& shape, const RowChunks& chunks, const Body& body) {
  // Small groups are handed out several at a time.
  const Index elements = std::max<Index>(1, std::min(chunks.rows, shape.rows) * shape.channels);
  const Index grain = std::max<Index>(1, 32768 / elements);
  parallel_ranges(shape.groups * chunks.count, grain, [&](Index begin, Index end) {
    for (Index tile = begin; tile < end; ++tile) {
      const Index group = tile / chunks.count, chunk = tile % chunks.count;
      const Index row = chunk * chunks.rows;
      const Index rows = std::min(chunks.rows, shape.rows - row);
      body(group, chunk, (group * shape.rows + row) * shape.channels, rows * shape.channels);
    }
  });
}

/// to[channel] = sum of block sums of that channel: by halves while that fits, which are not
/// chains, then in order. Overwrites the block.
inline void fold_block(double* block, Index width, Index channels, double* to) {
  if (channels == 0) return;
  for (; width % (2 * channels) == 0; width /= 2) {
    for (Index l = 0; l < width / 2; ++l) block[l] += block[l + width / 2];
  }
  std::copy(block, block + channels, to);
  for (Index l = channels; l < width; l += channels) {
    for (Index c = 0; c < channels; ++c) to[c] += block[l + c];
  }
}

/// Asks for as many elements as the caller is about to work on, 4 KiB on: memory then works
/// meanwhile, and past the ends of pages.
template <typename T>
[[gnu::always_inline]] inline void fetch_ahead(const T* from, Index count) {
  const std::uintptr_t ahead = reinterpret_cast<std::uintptr_t>(from) + 4096;
  for (std::size_t i = 0; i < unsign(count) * sizeof(T); i += kLineBytes) {
    __builtin_prefetch(reinterpret_cast<const void*>(ahead + i));
  }
}

template <typename T>
void repeat_block(T* block, Index width, Index channels) {
  for (Index l = channels; l < width; ++l) block[l] = block[l - channels];
}

/// `kinds` factors of each group and channel; kept once, repeated where a block is wider than the
/// channels.
template <typename T, std::size_t kinds>
class Factors {
 public:
  Factors(const NormShape& shape, const RowChunks& chunks)
      : channels_(shape.channels),
        width_(chunks.width),
        values_(kinds * unsign(shape.groups * shape.channels)) {}

  /// Where each kind of a group begins, to be written.
  std::array<T*, kinds> of(Index group) {
    std::array<T*, kinds> result;
    for (std::size_t k = 0; k < kinds; ++k) result[k] = values_.data() + start(group, k);
    return result;
  }

  /// The same, `width` long; `block` holds it where it is a copy.
  std::array<const T*, kinds> repeated(Index group, Lines<T>& block) const {
    std::array<const T*, kinds> result;
    if (width_ > channels_) block.resize(kinds * unsign(width_));
    for (std::size_t k = 0; k < kinds; ++k) {
      result[k] = values_.data() + start(group, k);
      if (width_ == channels_) continue;
      T* copy = block.data() + static_cast<Index>(k) * width_;
      std::copy(result[k], result[k] + channels_, copy);
      repeat_block(copy, width_, channels_);
      result[k] = copy;
    }
    return result;
  }

 private:
  Index start(Index group, std::size_t kind) const {
    return (group * static_cast<Index>(kinds) + static_cast<Index>(kind)) * channels_;
  }

  Index channels_, width_;
  Lines<T> values_;
};

/// y = rectified((x - center) * scale + shift), `width` of each.
template <typename T>
struct Affine {
  const T* center;
  const T* scale;
  const T* shift;
  T slope;

  [[gnu::always_inline]] T operator()(T x, Index l) const {
    return (x - center[l]) * scale[l] + shift[l];
  }
};

/// The factors of Affine for each group and channel.
template <typename T>
Factors<T, 3> affine_factors(const NormShape& shape, const RowChunks& chunks,
                             const Moments& moments, const NormOutput& output) {
  const Parameter mean(moments.mean), variance(moments.variance), scales(output.weight, 1),
      shifts(output.bias, 0);
  Factors<T, 3> factors(shape, chunks);
  for (Index g = 0; g < shape.groups; ++g) {
    const auto [center, scale, shift] = factors.of(g);
    for (Index c = 0; c < shape.channels; ++c) {
      const Index i = g * shape.channels + c;
      const AffineNumbers<T> numbers(mean[i], variance[i], output.eps, scales[c], shifts[c]);
      center[c] = numbers.center;
      scale[c] = numbers.scale;
      shift[c] = numbers.shift;
    }
  }
  return factors;
}

template <typename T>
Affine<T> affine_of(const std::array<const T*, 3>& factors, const NormOutput& output) {
  return {factors[0], factors[1], factors[2], static_cast<T>(output.slope)};
}

}  // namespace voxgrad::ops::cpu
