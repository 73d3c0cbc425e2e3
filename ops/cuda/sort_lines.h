// Internal: stable sorting of lines of whole numbers, without atomics.
//
// Elements of short lines count how many go before them. Long lines are sorted by four bits after
// the other, the lowest first: every chunk of a line counts its digits (DigitCounts), running sums
// over [line][digit][chunk] say where the first of each digit of each chunk goes, and each chunk
// moves its elements there in order (MoveByDigit).
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>

#include <voxgrad/ops/cuda/running_sums.h>

namespace voxgrad::ops::cuda {

/// Elements [line][place].
struct LinesShape {
  Index lines, size;
  Index count() const { return lines * size; }
};

template <typename Key>
struct RankInLine {
  Index size;
  const Key* keys;
  Key* sorted;
  Index* positions;
  __device__ void operator()(Index i) const {
    const Divided line = divide(i, size);
    const Index start = i - line.rest;
    const Key key = keys[i];
    Index rank = start;
    for (Index j = start; j < start + size; ++j)
      rank += keys[j] < key || (keys[j] == key && j < i) ? 1 : 0;
    sorted[rank] = key;
    positions[rank] = line.rest;
  }
};

inline constexpr int kDigitBits = 4;
inline constexpr Index kDigits = Index{1} << kDigitBits;
inline constexpr Index kSortChunk = 32;

/// How often each digit came: 8 bits each, which a chunk does not fill, so that they stay in
/// registers.
class DigitCounter {
 public:
  __host__ __device__ Index count(unsigned digit) const {
    const std::uint64_t half = digit < 8 ? low_ : high_;
    return static_cast<Index>(half >> shift(digit) & 0xFF);
  }
  __host__ __device__ void add(unsigned digit) {
    const std::uint64_t one = std::uint64_t{1} << shift(digit);
    low_ += digit < 8 ? one : 0;
    high_ += digit < 8 ? 0 : one;
  }

 private:
  __host__ __device__ static unsigned shift(unsigned digit) { return (digit & 7) * 8; }

  std::uint64_t low_ = 0, high_ = 0;
};
static_assert(kSortChunk <= 255 && kDigits == 16);

/// A pass over the bits from `shift` on. Parts are (line, chunk).
template <typename Key>
struct DigitPass {
  Index size, chunks;
  int shift;
  const Key* keys;
  Index* table;  ///< [line][digit][chunk]

  __host__ __device__ unsigned digit(Key key) const {
    return static_cast<unsigned>(key >> shift) & (kDigits - 1);
  }
  __host__ __device__ Index& entry(const Divided& part, Index digit) const {
    return table[(part.quotient * kDigits + digit) * chunks + part.rest];
  }
};

template <typename Key>
struct DigitCounts {
  DigitPass<Key> pass;
  __device__ void operator()(Index i) const {
    const Divided part = divide(i, pass.chunks);
    const Key* line = pass.keys + part.quotient * pass.size;
    const Index first = part.rest * kSortChunk;
    DigitCounter counter;
    for (Index j = first; j < first + kSortChunk && j < pass.size; ++j)
      counter.add(pass.digit(line[j]));
    for (Index d = 0; d < kDigits; ++d)
      pass.entry(part, d) = counter.count(static_cast<unsigned>(d));
  }
};

template <typename Key>
struct MoveByDigit {
  DigitPass<Key> pass;
  const Index* from;  ///< positions; null in the first pass, where each is its own
  Key* sorted;
  Index* to;
  __device__ void operator()(Index i) const {
    const Divided part = divide(i, pass.chunks);
    const Index line = part.quotient * pass.size, first = part.rest * kSortChunk;
    DigitCounter counter;
    for (Index j = first; j < first + kSortChunk && j < pass.size; ++j) {
      const Key key = pass.keys[line + j];
      const unsigned digit = pass.digit(key);
      const Index at = pass.entry(part, digit) + counter.count(digit);
      counter.add(digit);
      sorted[at] = key;
      to[at] = from != nullptr ? from[line + j] : j;
    }
  }
};

/// Lines in ascending order, equal keys in the order in which they came.
template <typename Key>
struct SortedLines {
  DeviceArray<Key> keys;
  DeviceArray<Index> positions;  ///< where in its line each of them was
};

/// @param bits  that the keys have; all above are 0 or the same in all keys
template <typename Key>
SortedLines<Key> sort_lines(std::string_view op, DeviceArray<Key> keys, const LinesShape& shape,
                            int bits) {
  constexpr Index kShort = 512;
  SortedLines<Key> result{DeviceArray<Key>(shape.count()), DeviceArray<Index>(shape.count())};
  if (shape.size <= kShort) {
    launch(op, shape.count(),
           RankInLine<Key>{shape.size, keys.data(), result.keys.data(), result.positions.data()});
    return result;
  }
  const Index chunks = chunks_of(shape.size, kSortChunk), parts = shape.lines * chunks;
  DeviceArray<Index> table(parts * kDigits), positions(shape.count());
  for (int shift = 0; shift < std::max(bits, 1); shift += kDigitBits) {
    const DigitPass<Key> pass{shape.size, chunks, shift, keys.data(), table.data()};
    launch(op, parts, DigitCounts<Key>{pass});
    sum_before(op, table.data(), parts * kDigits, 1);
    launch(op, parts,
           MoveByDigit<Key>{pass, shift == 0 ? nullptr : positions.data(), result.keys.data(),
                            result.positions.data()});
    std::swap(keys, result.keys);
    std::swap(positions, result.positions);
  }
  return {std::move(keys), std::move(positions)};
}

}  // namespace voxgrad::ops::cuda
