// Internal: the inner loops of the Winograd algorithm, one table per instruction set: transforms of
// tiles and of filters. The products between them are the direct algorithm's kernels.
//
// As direct_kernels.h: compiled with the flags of their instruction set, so plain data only.
#pragma once

#include <cstdint>

namespace voxgrad::ops::cpu {

/// A tile of results is 4 wide along axis 2, F(4, 3), and 2 or 4 lines along axis 1, F(2, 3) or
/// F(4, 3): each is made of 2 values more, and costs as many products as it is made of values.
inline constexpr int kTaps = 3;
inline constexpr int kTileColumns = 4, kReadColumns = 6;
inline constexpr int kMostTileLines = 4, kMostReadLines = 6;
static constexpr int read_lines(int tile_lines) { return tile_lines + kTaps - 1; }

/// A row of tiles along axis 2, `step` between positions. Each line is first + factor * second,
/// value by value, null standing for zeros: one index of the transform along axis 0.
struct TileSource {
  const float* first[kMostReadLines] = {};
  const float* second[kMostReadLines] = {};
  float factor = 0;
  std::int64_t step = 0;
  std::int64_t begin = 0, size = 0;  ///< position of the first tile; those in [0, size) exist
  std::int64_t tiles = 0, channels;
  float* to;  ///< [position][tile][channel, a whole number of vectors]
  std::int64_t position_stride, tile_stride;
};

/// Results of a row of tiles, for the two indices along axis 0 that they belong to: lines +=
/// factor * result, or, where `is_first`, lines = factor * result + bias.
struct TileTarget {
  struct Plane {
    float* lines[kMostTileLines];  ///< null: does not exist
    float factor;                  ///< 0: nothing to do
    bool is_first;
  };

  const float* from;  ///< [position][tile][column, a whole number of vectors]
  std::int64_t position_stride, tile_stride;
  Plane planes[2] = {};
  const float* bias;      ///< null: zeros
  std::int64_t step;      ///< between positions
  std::int64_t size = 0;  ///< positions that exist from the first tile on
  std::int64_t tiles = 0, columns;
};

/// `lanes` filters at once: taps[tap][lane] to positions[index along axis 0][position][lane], or
/// back. There are 4 indices for 3 taps along axis 0, and 1 for 1.
struct FilterBlock {
  float* taps;
  float* positions;
  std::int64_t position_stride;
  int axis0_taps;
  bool streams = false;  ///< positions go past the caches, where vectors are whole lines
};

/// `lanes` rows of taps in the weights' layout.
struct FilterRows {
  float* first;  ///< written by scatter_taps alone
  std::int64_t stride;
  int taps;       ///< at least `lanes`
  bool reversed;  ///< tap t stands at the t-th place from the end
};

/// For tiles of one number of lines.
struct TileKernels {
  void (*read_input)(const TileSource&);      ///< B^T d B
  void (*read_cotangent)(const TileSource&);  ///< A d A^T
  void (*write_output)(const TileTarget&);    ///< A^T m A
  void (*transform_filter)(const FilterBlock&);
  void (*transform_filter_back)(const FilterBlock&);
};

struct WinogradKernels {
  int lanes;
  TileKernels two_lines, four_lines;
  /// Between rows and taps[tap][lane].
  void (*gather_taps)(const FilterRows& rows, float* taps);
  void (*scatter_taps)(const FilterRows& rows, const float* taps);  ///< not reversed

  const TileKernels& tiles(int lines) const { return lines == 2 ? two_lines : four_lines; }
};

extern const WinogradKernels kPortableWinograd, kAvx2Winograd, kAvx512Winograd;

}  // namespace voxgrad::ops::cpu
