#include "tests/support/geometries.h"

#include <algorithm>
#include <utility>

namespace voxgrad::test {
namespace {

struct Pick {
  std::mt19937& random;

  Index operator()(Index least, Index most) const {
    return std::uniform_int_distribution<Index>(least, most)(random);
  }
};

}  // namespace

ConvGeometry random_geometry(std::mt19937& random) {
  const Pick pick{random};
  ConvGeometry g;
  g.rank = static_cast<int>(pick(1, 3));
  g.batch = pick(1, 3);
  g.groups = pick(0, 2) == 0 ? pick(2, 5) : 1;
  const bool depthwise = g.groups > 1 && pick(0, 1) == 0;
  g.x_channels = g.groups * (depthwise ? 1 : pick(1, 5));
  g.y_channels = g.groups * pick(1, depthwise ? 2 : 5);
  for (int i = 3 - g.rank; i < 3; ++i) {
    ConvAxis& axis = g.axis[i];
    do {
      axis.kernel = pick(1, 4);
      axis.stride = pick(0, 1) == 0 ? 1 : pick(2, 5);
      axis.dilation = pick(0, 1) == 0 ? 1 : pick(2, 4);
      axis.padding = pick(0, 1) == 0 ? pick(0, 1) : pick(2, 6);
      axis.in = pick(1, g.rank == 1 ? 23 : 9);
    } while (axis.in + 2 * axis.padding < axis.reach());
    axis.out = (axis.in + 2 * axis.padding - axis.reach()) / axis.stride + 1;
    // What conv_transpose with a large output_padding, or one-sided padding, makes of it.
    if (pick(0, 4) == 0 && axis.out > 1) --axis.out;
  }
  return g;
}

namespace {

// Kernels of 1 over rows, few channels on one side, whole vectors on the other: for float64 half of
// a float32's suffice.
ConvGeometry random_thin_geometry(std::mt19937& random) {
  const Pick pick{random};
  ConvGeometry g;
  g.rank = static_cast<int>(pick(1, 3));
  g.batch = pick(1, 3);
  g.x_channels = pick(1, 7);
  g.y_channels = 16 * pick(1, 4) - (pick(0, 5) == 0 ? 8 : 0);
  if (pick(0, 1) == 0) std::swap(g.x_channels, g.y_channels);
  for (int i = 3 - g.rank; i < 3; ++i) {
    ConvAxis& axis = g.axis[i];
    axis.in = axis.out = pick(1, g.rank == 1 ? 23 : 9);
    axis.dilation = pick(1, 2);  // of one tap
  }
  // Several steps and tiles.
  if (g.rank == 1 && pick(0, 7) == 0) g.axis[2].in = g.axis[2].out = pick(500, 1100);
  return g;
}

// Blocks of channels of every width, long rows in many lines, and runs of taps of every length.
ConvGeometry random_depthwise_geometry(std::mt19937& random) {
  const Pick pick{random};
  ConvGeometry g = random_geometry(random);
  g.groups = g.x_channels = g.y_channels = pick(2, pick(0, 3) == 0 ? 70 : 9);
  if (pick(0, 2) == 0) {
    for (int i = g.rank > 1 ? 1 : 2; i < 3; ++i) {
      ConvAxis& axis = g.axis[i];
      const Index longer = pick(0, i == 2 ? 60 : 10);
      axis.kernel = pick(2, i == 2 ? 10 : 5);
      axis.stride = pick(0, 3) == 0 ? 2 : 1;
      axis.dilation = pick(0, 3) == 0 ? axis.stride : 1;
      axis.padding = pick(0, i == 2 ? axis.kernel : 2);
      axis.in = std::max<Index>(axis.reach() - 2 * axis.padding, 1) + longer;
      axis.out = (axis.in + 2 * axis.padding - axis.reach()) / axis.stride + 1;
    }
  }
  return g;
}

// Tiles have four lines where there are 64 of them at least.
ConvGeometry random_geometry_of_many_tiles(std::mt19937& random) {
  const Pick pick{random};
  ConvGeometry g;
  g.rank = static_cast<int>(pick(2, 3));
  g.batch = 2;
  g.x_channels = pick(1, 5);
  g.y_channels = pick(1, 5);
  const Index sizes[] = {pick(4, 5), g.rank == 3 ? pick(12, 14) : pick(14, 16),
                         g.rank == 3 ? pick(21, 25) : pick(33, 36)};
  for (int i = 3 - g.rank; i < 3; ++i) {
    ConvAxis& axis = g.axis[i];
    axis.kernel = i == 0 && pick(0, 1) == 0 ? 1 : 3;
    axis.out = sizes[i];
    axis.padding = pick(0, 1);
    axis.in = axis.out - 2 * axis.padding + axis.kernel - 1;
  }
  return g;
}

}  // namespace

ConvGeometry random_winograd_geometry(std::mt19937& random, Index most_channels) {
  const Pick pick{random};
  if (pick(0, 7) == 0) return random_geometry_of_many_tiles(random);
  ConvGeometry g;
  g.rank = static_cast<int>(pick(2, 3));
  g.batch = pick(1, 2);
  g.x_channels = pick(1, most_channels);
  g.y_channels = pick(1, most_channels);
  for (int i = 3 - g.rank; i < 3; ++i) {
    ConvAxis& axis = g.axis[i];
    axis.kernel = i == 0 && pick(0, 2) == 0 ? 1 : 3;
    axis.padding = pick(0, 3) == 0 ? pick(2, 5) : pick(0, 1);
    do {
      axis.in = pick(1, i == 2 ? 13 : 6);
    } while (axis.in + 2 * axis.padding < axis.kernel);
    axis.out = axis.in + 2 * axis.padding - axis.kernel + 1;
    if (pick(0, 4) == 0 && axis.out > 1) --axis.out;
  }
  return g;
}

ConvGeometry random_geometry_for(std::string_view algorithm, std::mt19937& random) {
  if (algorithm == "winograd") return random_winograd_geometry(random, 9);
  if (algorithm == "depthwise") return random_depthwise_geometry(random);
  if (algorithm == "thin") return random_thin_geometry(random);
  return random_geometry(random);
}

namespace {

ConvGeometry cube(int rank, Index x_channels, Index y_channels, const ConvAxis& axis) {
  ConvGeometry g;
  g.rank = rank;
  g.x_channels = x_channels;
  g.y_channels = y_channels;
  for (int i = 3 - rank; i < 3; ++i) {
    g.axis[i] = axis;
    g.axis[i].in += 3 - i;  // sizes that differ, so that swapped axes fail
    g.axis[i].out = (g.axis[i].in + 2 * axis.padding - g.axis[i].reach()) / axis.stride + 1;
  }
  return g;
}

}  // namespace

std::vector<ConvGeometry> large_geometries() {
  std::vector<ConvGeometry> all{
      cube(3, 3, 5, {.in = 19, .kernel = 3, .padding = 1}),  // the usual conv
      cube(3, 1, 8, {.in = 20, .kernel = 3, .padding = 1}),  // first layer
      cube(3, 16, 8, {.in = 13, .kernel = 3, .padding = 1}),
      cube(3, 24, 40, {.in = 6, .kernel = 3, .padding = 1}),
      cube(3, 8, 2, {.in = 17, .kernel = 1}),                             // head: no columns
      cube(3, 5, 7, {.in = 17, .kernel = 3, .stride = 2, .padding = 1}),  // strided
      cube(3, 4, 6, {.in = 16, .kernel = 2, .stride = 2}),                // folded where even
      cube(2, 4, 6, {.in = 60, .kernel = 4, .stride = 4, .padding = 2}),
      cube(2, 6, 3, {.in = 57, .kernel = 3, .stride = 2, .padding = 2, .dilation = 3}),
      cube(2, 40, 17, {.in = 22, .kernel = 5, .padding = 2}),
      cube(1, 7, 11, {.in = 3000, .kernel = 7, .stride = 3, .padding = 9}),
      cube(1, 300, 10, {.in = 150, .kernel = 9, .padding = 4}),  // columns in blocks of taps
  };
  all[6].axis[1].in = 18;  // even: kernel == stride covers x exactly
  all[6].axis[1].out = 9;
  all[6].axis[2].in = 16;
  all[6].axis[2].out = 8;
  ConvGeometry groups = cube(3, 12, 18, {.in = 12, .kernel = 3, .padding = 1});
  groups.groups = 6;
  groups.batch = 2;
  ConvGeometry depthwise = cube(2, 20, 20, {.in = 40, .kernel = 3, .stride = 2, .padding = 1});
  depthwise.groups = 20;
  all.push_back(groups);
  all.push_back(depthwise);
  ConvGeometry volume = cube(3, 37, 37, {.in = 9, .kernel = 3, .padding = 1});
  volume.groups = 37;  // blocks of channels of several widths
  volume.batch = 2;
  volume.axis[2].in = volume.axis[2].out = 19;  // more than one block of rows
  ConvGeometry signal = cube(1, 5, 5, {.in = 1500, .kernel = 7, .padding = 8, .dilation = 2});
  signal.groups = 5;
  ConvGeometry from_few = cube(2, 5, 32, {.in = 31, .kernel = 1});  // and their transpose
  from_few.batch = 3;
  for (const ConvGeometry& g : {volume, signal, cube(3, 48, 7, {.in = 13, .kernel = 1}), from_few})
    all.push_back(g);
  return all;
}

}  // namespace voxgrad::test
