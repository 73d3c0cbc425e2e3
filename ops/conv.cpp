#include <voxgrad/ops/conv.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <mutex>

#include <voxgrad/core/allocator.h>
#include <voxgrad/core/check.h>
#include <voxgrad/core/cpu_features.h>
#include <voxgrad/core/parallel.h>
#include <voxgrad/ops/layout.h>

namespace voxgrad::ops {
namespace {

constexpr Slot kSlots[] = {Slot::x, Slot::w, Slot::y};

// ---- choice and report

std::mutex forced_mutex;
std::string forced_name;  // guarded by forced_mutex

thread_local std::optional<ConvReport> last_report;

bool log_wanted() {
  static const bool wanted = [] {
    const char* value = std::getenv("VOXGRAD_LOG");
    const bool conv =
        value != nullptr && std::string_view(value).find("conv") != std::string_view::npos;
    if (conv) {
      std::fprintf(stderr, "voxgrad: instruction set %s\n", instruction_set_report().c_str());
    }
    return conv;
  }();
  return wanted;
}

// Where what is shared fills the limit by itself, the tiles have half of it all the same: nothing
// would be gained that is worth all threads but one.
int tiles_in_flight(const ConvWorkspace& workspace, Index most) {
  const std::size_t limit = workspace_limit();
  const std::size_t left = limit - std::min(workspace.shared, limit / 2);
  const Index fit = workspace.per_tile == 0 ? most : static_cast<Index>(left / workspace.per_tile);
  return static_cast<int>(
      std::clamp<Index>(fit, 1, std::max<Index>(1, std::min<Index>(workspace.tiles, most))));
}

// ---- operands

void check_operand(Slot slot, const ConvGeometry& geometry, const Tensor& tensor,
                   const Tensor& other) {
  VG_CHECK(tensor.shape() == slot_shape(geometry, slot), ShapeError,
           "conv: {} must have shape {}; got {}", name(slot), slot_shape(geometry, slot),
           tensor.shape());
  VG_CHECK(is_floating(tensor.dtype()), DTypeError, "conv: {} must be float32 or float64; got {}",
           name(slot), name(tensor.dtype()));
  VG_CHECK(tensor.dtype() == other.dtype(), DTypeError,
           "conv: operands must have one dtype; got {} and {}", name(other.dtype()),
           name(tensor.dtype()));
  VG_CHECK(tensor.device() == other.device(), DeviceError,
           "conv: operands must be on one device; got {} and {}", to_string(other.device()),
           to_string(tensor.device()));
}

void check_bias(const ConvProblem& problem, const Tensor& bias, const Tensor& operand) {
  VG_CHECK(problem.produced != Slot::w, ShapeError, "conv: only slots x and y have a bias; got w");
  const Index channels =
      problem.produced == Slot::y ? problem.geometry.y_channels : problem.geometry.x_channels;
  VG_CHECK(bias.shape() == Shape{channels}, ShapeError, "conv: bias must have shape [{}]; got {}",
           channels, bias.shape());
  VG_CHECK(bias.dtype() == operand.dtype() && bias.device() == operand.device(), DTypeError,
           "conv: bias must have the dtype and device of the operands; got {} on {} for {} on {}",
           name(bias.dtype()), to_string(bias.device()), name(operand.dtype()),
           to_string(operand.device()));
}

void check_weight_count(const Shape& w) {
  VG_CHECK(element_count(w) <= kMostWeights, OutOfMemoryError,
           "conv: w must have at most {} elements; got shape {}", kMostWeights, w);
}

// No term of the form, or no element of the result: zeros and bias.
void fill_without_terms(const ConvEpilogue& epilogue, Tensor& result) {
  if (result.numel() == 0) return;
  if (epilogue.bias == nullptr) {
    fill(result, 0);
    return;
  }
  Strides strides(result.shape().size(), 0);
  strides[1] = epilogue.bias->stride(0);
  copy_into(result, epilogue.bias->alias(result.shape(), strides, epilogue.bias->offset()));
}

}  // namespace

const ConvKernels& conv_kernels(Device device) {
  return select_kernels(device, cpu::kConv, cuda::kConv);
}

const ConvAlgorithm& choose_algorithm(const ConvProblem& problem, Device device) {
  const std::string forced = forced_conv_algorithm();
  const auto& algorithms = conv_kernels(device).algorithms;
  const ConvAlgorithm* choice = nullptr;
  for (const ConvAlgorithm& algorithm : algorithms) {
    if (!algorithm.supports(problem)) continue;
    if (algorithm.name == forced) return algorithm;
    if (choice == nullptr && algorithm.suits(problem)) choice = &algorithm;
  }
  return *choice;
}

void set_forced_conv_algorithm(std::string_view name) {
  std::vector<std::string_view> names;
  for (const ConvKernels* kernels : {&cpu::kConv, &cuda::kConv}) {
    for (const ConvAlgorithm& algorithm : kernels->algorithms) {
      if (!std::ranges::count(names, algorithm.name)) names.push_back(algorithm.name);
    }
  }
  VG_CHECK(name.empty() || std::ranges::count(names, name) > 0, KeyError,
           "conv: no algorithm has the name '{}'; there are {}", name, fmt::join(names, ", "));
  const std::lock_guard lock(forced_mutex);
  forced_name = name;
}

std::string forced_conv_algorithm() {
  const std::lock_guard lock(forced_mutex);
  return forced_name;
}

const std::optional<ConvReport>& last_conv() { return last_report; }

std::string to_string(const ConvReport& report) {
  return fmt::format("conv {} {} {} {}, {} tiles in flight of {}, workspace {:.1f} MB",
                     name(report.problem.produced), report.algorithm, name(report.problem.dtype),
                     to_string(report.problem.geometry), report.tiles_in_flight,
                     report.workspace.tiles, static_cast<double>(report.workspace_bytes()) / 1e6);
}

Tensor to_conv_layout(const Tensor& x_or_y) {
  const bool readable =
      x_or_y.size(1) == 1 || x_or_y.stride(1) == 1 || x_or_y.numel() > kMostCopied;
  return readable ? x_or_y : to_channels_last(x_or_y);
}

Tensor conv_partial(Slot produced, const ConvGeometry& geometry, const ConvOperands& operands,
                    const ConvEpilogue& epilogue, ConvRead* read, const ConvAlgorithm* algorithm) {
  const Slot other = produced == Slot::w ? Slot::y : Slot::w;
  const Tensor& reference = *operands.at(other);
  bool empty = false;
  for (const Slot slot : kSlots) {
    if (slot == produced) continue;
    check_operand(slot, geometry, *operands.at(slot), reference);
    empty = empty || operands.at(slot)->numel() == 0;
  }
  const ConvProblem problem{produced, geometry, reference.dtype()};
  if (epilogue.bias != nullptr) check_bias(problem, *epilogue.bias, reference);
  check_weight_count(slot_shape(geometry, Slot::w));

  const Shape shape = slot_shape(geometry, produced);
  Tensor result = produced == Slot::w
                      ? Tensor::empty(shape, problem.dtype, reference.device())
                      : Tensor::empty_channels_last(shape, problem.dtype, reference.device());
  ConvRead own;
  ConvRead& used = read == nullptr ? own : *read;
  for (const Slot slot : kSlots) {
    if (slot == produced) continue;
    const Tensor& given = *operands.at(slot);
    used.at(slot) = slot == Slot::w || empty ? given : to_conv_layout(given);
  }
  if (empty || result.numel() == 0) {
    fill_without_terms(epilogue, result);
    return result;
  }
  if (algorithm == nullptr) algorithm = &choose_algorithm(problem, reference.device());
  used.algorithm = algorithm;
  ConvReport report{problem, algorithm->name, algorithm->workspace(problem)};
  report.tiles_in_flight =
      tiles_in_flight(report.workspace, conv_kernels(reference.device()).most_tiles_in_flight());
  const ConvOperands ready{operands.x == nullptr ? nullptr : &used.x, operands.w,
                           operands.y == nullptr ? nullptr : &used.y};
  algorithm->run(problem, ready, epilogue, report.tiles_in_flight, result);
  if (log_wanted()) std::fprintf(stderr, "voxgrad: %s\n", to_string(report).c_str());
  last_report = report;
  return result;
}

}  // namespace voxgrad::ops
