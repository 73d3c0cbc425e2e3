// Internal: values of the convolution form. One entry for every rank, role and device:
// conv_partial.
//
// An algorithm is one file under ops/<device>/conv, with its kernels' files beside it. The choice
// among them is a pure function of slot, geometry, dtype and instruction set, never of a timing; it
// can be seen (last_conv, VOXGRAD_LOG=conv) and forced.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <voxgrad/core/conv_geometry.h>
#include <voxgrad/core/tensor.h>

namespace [[gnu::visibility("default")]] voxgrad {
namespace ops {

/// Two slots filled; the produced one is null.
struct ConvOperands {
  const Tensor* x = nullptr;
  const Tensor* w = nullptr;
  const Tensor* y = nullptr;

  const Tensor* at(Slot slot) const { return slot == Slot::x ? x : slot == Slot::w ? w : y; }
};

/// What is done to the result while it is at hand. Slots x and y only.
struct ConvEpilogue {
  const Tensor* bias = nullptr;  ///< one number per channel of the result
};

/// What a call is about. Every choice below depends on this alone.
struct ConvProblem {
  Slot produced = Slot::y;
  ConvGeometry geometry;
  DType dtype = DType::float32;
};

/// Memory of a call besides operands and result, in bytes. The limit of core/allocator.h decides
/// how many tiles are in flight, never how large they are.
struct ConvWorkspace {
  std::size_t shared = 0;    ///< once: packed weights, partial sums
  std::size_t per_tile = 0;  ///< for each tile in flight
  Index tiles = 0;           ///< in the whole call
};

/// A tensor of more elements is read where it lies, by algorithms that take any strides: a copy
/// would double the largest thing in memory.
inline constexpr Index kMostCopied = Index{1} << 31;

/// Elements of w, which is packed for each call. Up to these no size of a plan overflows.
inline constexpr Index kMostWeights = Index{1} << 40;

/// Operands and result as an algorithm gets them: x and y have channels of stride 1 unless one of
/// them is larger than kMostCopied, the result is dense and uninitialised. No tensor is empty.
struct ConvAlgorithm {
  std::string_view name;
  bool (*supports)(const ConvProblem&);
  bool (*suits)(const ConvProblem&);  ///< of those that follow, none is expected to be faster
  ConvWorkspace (*workspace)(const ConvProblem&);
  void (*run)(const ConvProblem&, const ConvOperands&, const ConvEpilogue&, int tiles_in_flight,
              Tensor& result);
};

/// In order of preference; the last supports everything and always suits.
struct ConvKernels {
  std::span<const ConvAlgorithm> algorithms;
  int (*most_tiles_in_flight)();
};

/// Of the device's type; from here on this thread's kernels run on that device.
const ConvKernels& conv_kernels(Device device);

namespace cpu {
extern const ConvKernels kConv;
}
namespace cuda {
extern const ConvKernels kConv;
}

/// The operand itself where algorithms can read it or where it is too large to copy, else a
/// channels-last copy. Batches, sizes and channels may be cut out of a larger tensor: only the
/// channels must lie together.
Tensor to_conv_layout(const Tensor& x_or_y);

/// The operands as conv_partial read them: themselves, or channels-last copies; and what ran, if
/// anything was to be summed.
struct ConvRead {
  Tensor x, w, y;
  const ConvAlgorithm* algorithm = nullptr;

  Tensor& at(Slot slot) { return slot == Slot::x ? x : slot == Slot::w ? w : y; }
};

/// The form's partial derivative by the slot `produced`, given the two others: x and y in
/// channels-last layout, w in plain layout. Zero where the form has no terms; plus bias. The result
/// is allocated before anything is copied.
/// @param algorithm  supports the problem; none: choose_algorithm's
/// @throws ShapeError, DTypeError, DeviceError when operands do not fit the geometry or each other;
/// OutOfMemoryError, for more than kMostWeights too.
Tensor conv_partial(Slot produced, const ConvGeometry& geometry, const ConvOperands& operands,
                    const ConvEpilogue& epilogue = {}, ConvRead* read = nullptr,
                    const ConvAlgorithm* algorithm = nullptr);

/// What conv_partial runs: the forced algorithm where the device has it and it supports the
/// problem, else the first that does and suits it.
const ConvAlgorithm& choose_algorithm(const ConvProblem& problem, Device device = {});

/// For the whole process; empty: the library's own choice. @throws KeyError when no device has such
/// an algorithm.
void set_forced_conv_algorithm(std::string_view name);
std::string forced_conv_algorithm();

/// What a call ran.
struct ConvReport {
  ConvProblem problem;
  std::string_view algorithm;
  ConvWorkspace workspace;
  int tiles_in_flight = 0;  ///< at most, under the workspace limit of that moment

  std::size_t workspace_bytes() const {
    return workspace.shared + workspace.per_tile * static_cast<std::size_t>(tiles_in_flight);
  }
};

/// The last call of conv_partial on this thread that ran an algorithm; nullopt before.
const std::optional<ConvReport>& last_conv();

/// "conv y tiled float32 1->8 k3x3x3 ..., 5 tiles in flight of 40, workspace 3.2 MB": what
/// VOXGRAD_LOG=conv prints, after a line with instruction_set_report().
std::string to_string(const ConvReport& report);

}  // namespace ops
}  // namespace voxgrad
