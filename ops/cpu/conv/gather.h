// Internal: im2col for all three slots: columns[row][tap][channel] <- source, zero outside the
// source.
//
// Which source position a row and a tap meet is affine along every axis. Slots y and w read x so;
// slot x reads y so, one phase of the stride at a time (phases.h). So nothing is ever scattered,
// and every result is one sum in a fixed order.
#pragma once

#include <optional>

#include <voxgrad/core/tensor.h>

namespace voxgrad::ops::cpu {

struct Range {
  Index begin = 0, end = 0;
  constexpr Index length() const { return end - begin; }
};

/// Row r and tap t meet source position r * row_step + t * tap_step + offset, which exists in [0,
/// size).
struct GatherAxis {
  Index rows = 1, row_step = 1;
  Index taps = 1, tap_step = 1;
  Index offset = 0;
  Index size = 1;

  constexpr Index at(Index row, Index tap) const {
    return row * row_step + tap * tap_step + offset;
  }
  /// Rows whose position for that tap exists; may be empty or inverted.
  constexpr Range rows_inside(Index tap) const {
    const Index first = at(0, tap);
    const Index before = first < 0 ? (-first - 1) / row_step + 1 : 0;
    const Index through = first < size ? (size - 1 - first) / row_step + 1 : 0;
    return {before, through < rows ? through : rows};
  }
  constexpr bool is_identity() const {
    return taps == 1 && row_step == 1 && offset == 0 && rows == size;
  }
};

/// Rows are numbered over (batch, axis 0, 1, 2), taps over the axes, the last fastest.
struct Gather {
  Index batch = 1;
  GatherAxis axis[3];

  constexpr Index rows() const { return batch * axis[0].rows * axis[1].rows * axis[2].rows; }
  constexpr Index taps() const { return axis[0].taps * axis[1].taps * axis[2].taps; }
};

/// A batch of volumes. In elements.
template <typename T>
struct Volumes {
  T* data = nullptr;
  Index batch_stride = 0;
  Index channel_stride = 1;
  Index stride[3] = {0, 0, 0};

  Volumes<T> from_channel(Index channel) const {
    Volumes<T> shifted = *this;
    shifted.data += channel * channel_stride;
    return shifted;
  }
};

Volumes<const float> volumes_of(const Tensor& tensor, const float*);
Volumes<const double> volumes_of(const Tensor& tensor, const double*);
template <typename T>
Volumes<const T> volumes_of(const Tensor& tensor) {
  return volumes_of(tensor, static_cast<const T*>(nullptr));
}

/// Writes columns[row][tap][channel] for the given rows and taps; channels are the first `channels`
/// of the source.
template <typename T>
void gather(const Gather& map, const Volumes<const T>& source, Index channels, Range rows,
            Range taps, T* columns);

/// Where the source already is a matrix of columns: the distance of its rows, row 0 being
/// source.data. nullopt unless the map is the identity and the rows lie evenly, at least `channels`
/// apart, each in one piece.
template <typename T>
std::optional<Index> row_distance(const Gather& map, const Volumes<const T>& source,
                                  Index channels);

}  // namespace voxgrad::ops::cpu
