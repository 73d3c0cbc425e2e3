// Internal: what both halves of the Winograd algorithm do with tiles and filters.
#pragma once

#include <voxgrad/ops/cpu/conv/weights.h>
#include <voxgrad/ops/cpu/conv/winograd_plan.h>

namespace voxgrad::ops::cpu {

/// Transforms a group's tiles of x, or of y for slot x: to[position][tile][channel].
void read_inputs(const WinogradPlan& plan, const Volumes<const float>& source, Index group,
                 const Axis0Index& index, float* to);

/// Transforms a group's tiles of y for slot w: to[position][tile][column of the share].
void read_cotangents(const WinogradPlan& plan, const Volumes<const float>& y, Index group,
                     const Axis0Index& index, const BlockShare& share, float* to);

/// Adds a group's products, from[position][tile][column of the share], to the result's channels of
/// the share. The first index that meets an element sets it.
struct WinogradResult {
  float* data;        ///< dense, channels-last
  const float* bias;  ///< null: zeros
};
void write_outputs(const WinogradPlan& plan, const float* from, Index group, std::size_t index,
                   const BlockShare& share, const WinogradResult& result);

/// Tiles of a group.
Index tile_count(const WinogradPlan& plan, Index group);

/// Filters of slot x or y: to[index][position][block][gathered channel][column].
void transform_filters(Slot produced, const WinogradPlan& plan, const Tensor& w, float* to);

/// Slot w from its transformed sums, laid out as filters.
void transform_filters_back(const WinogradPlan& plan, float* sums, Tensor& w);

}  // namespace voxgrad::ops::cpu
