#include <voxgrad/autograd/functions/conv.h>

#include <algorithm>
#include <array>
#include <utility>

#include <voxgrad/autograd/functions/operands.h>
#include <voxgrad/autograd/functions/shape.h>
#include <voxgrad/ops/conv.h>
#include <voxgrad/ops/matmul.h>

namespace voxgrad {
namespace {

/// The two slots that are given when one is produced, in the order x, w, y.
std::array<Slot, 2> given_slots(Slot produced) {
  return {produced == Slot::x ? Slot::w : Slot::x, produced == Slot::y ? Slot::w : Slot::y};
}

std::string_view op_name(Slot produced) {
  switch (produced) {
    case Slot::x: return "conv_transpose";
    case Slot::w: return "conv_weight_gradient";
    case Slot::y: break;
  }
  return "conv";
}

ops::ConvOperands operands(Slot produced, const Tensor& first, const Tensor& second) {
  switch (produced) {
    case Slot::x: return {.w = &first, .y = &second};
    case Slot::w: return {.x = &first, .y = &second};
    case Slot::y: break;
  }
  return {.x = &first, .w = &second};
}

Tensor bias_gradient(const ConvGeometry& geometry, const Tensor& cotangent) {
  std::vector<Index> axes{0};
  for (Index axis = 2; axis < geometry.rank + 2; ++axis) axes.push_back(axis);
  return sum(cotangent, axes);
}

/// Put the cotangent in the slot that was produced, and produce the slot you want. The weight's
/// gradient comes first: what it reads, the input, may then go before the other is made.
Rule conv_rule(Slot produced, const ConvGeometry& geometry) {
  return [produced, geometry](std::span<Tensor> saved, std::span<const Tensor> grads, Needs needs) {
    const auto slots = given_slots(produced);
    std::vector<Tensor> result(3);
    const std::size_t first = slots[0] == Slot::w ? 0 : 1;
    for (const std::size_t wanted : {first, 1 - first}) {
      if (!needs[wanted]) continue;
      const Slot other = slots[1 - wanted];
      const Tensor value = std::exchange(saved[1 - wanted], {});
      result[wanted] = other < produced ? conv_form(slots[wanted], geometry, value, grads[0])
                                        : conv_form(slots[wanted], geometry, grads[0], value);
    }
    if (needs[2]) result[2] = bias_gradient(geometry, grads[0]);
    return result;
  };
}

/// Whether upsampling with one tap or none for each result: then that may be computed again from y,
/// which the rule keeps anyway and which is smaller. It takes half as long as the gradients do,
/// and for few channels as long as a few copies of the result.
bool is_better_repeated(Slot produced, const ConvGeometry& geometry, const Tensor& w,
                        const Tensor& y, const Tensor& result) {
  constexpr Index kMostChannels = 128;
  if (produced != Slot::x || !w.requires_grad() || !y.requires_grad()) return false;
  return std::ranges::all_of(geometry.axis,
                             [](const ConvAxis& axis) { return axis.reach() <= axis.stride; }) &&
         geometry.y_group_channels() <= kMostChannels && geometry.x_size() > geometry.y_size() &&
         result.numel() >= 2 * y.numel() && result.numel() >= 4 * w.numel() && is_kept_safely(y);
}

/// `read`: y as the rule keeps it, and the algorithm that ran. The recipe runs it again, with TF32
/// as it is now, whatever is forced or allowed by then.
void attach_upsampling_recipe(const ConvGeometry& geometry, const Tensor& w, const Tensor& y,
                              const ops::ConvRead& read, const Tensor& bias, Tensor& result) {
  std::vector<SavedTensor> inputs;
  inputs.emplace_back(frozen(w));
  inputs.push_back(SavedTensor::with_data(y, read.y));
  inputs.emplace_back(frozen(bias));
  attach_recipe(
      result, std::move(inputs),
      [geometry, algorithm = read.algorithm, tf32 = ops::allow_tf32()](std::span<const Tensor> in) {
        const ops::Tf32Scope scope(tf32);
        return ops::conv_partial(Slot::x, geometry, {.w = &in[0], .y = &in[1]},
                                 {.bias = in[2].defined() ? &in[2] : nullptr}, nullptr, algorithm);
      });
}

/// What the form itself cannot check: dtypes, devices and the bias, under the names that the caller
/// used.
void check_operands(std::string_view op, std::string_view input_name, const Tensor& input,
                    const Tensor& w, const Tensor& bias, Index channels) {
  check_same_device(op, input, w);
  VG_CHECK(is_floating(input.dtype()) && input.dtype() == w.dtype(), DTypeError,
           "{}: {} and w must have one floating dtype; got {} and {}", op, input_name,
           name(input.dtype()), name(w.dtype()));
  if (!bias.defined()) return;
  check_same_device(op, input, bias);
  VG_CHECK(bias.dtype() == input.dtype(), DTypeError,
           "{}: bias must have the dtype of {}; got {} and {}", op, input_name, name(bias.dtype()),
           name(input.dtype()));
  VG_CHECK(bias.shape() == Shape{channels}, ShapeError,
           "{}: bias must have shape [{}], one number per output channel; got {}", op, channels,
           bias.shape());
}

/// Conv or conv_transpose, with a unit batch axis around the call where the input has none.
Tensor batched(Slot produced, const ConvGeometry& geometry, const Tensor& input, const Tensor& w,
               const Tensor& bias) {
  const bool unbatched = input.dim() == geometry.rank + 1;
  const Tensor whole = unbatched ? input.unsqueeze(0) : input;
  const Tensor result = produced == Slot::y ? conv_form(produced, geometry, whole, w, bias)
                                            : conv_form(produced, geometry, w, whole, bias);
  return unbatched ? result.squeeze(0) : result;
}

/// Amounts for pad(): (before, after) of the last axis first.
std::vector<Index> pad_amounts(const ConvGeometry& geometry, const ConvSettings& settings) {
  std::vector<Index> amounts;
  for (int i = 2; i >= 3 - geometry.rank; --i) {
    const ConvAxis& axis = geometry.axis[i];
    const bool same = settings.padding.is_same();
    amounts.insert(amounts.end(),
                   {axis.padding, same ? axis.reach() - 1 - axis.padding : axis.padding});
  }
  return amounts;
}

}  // namespace

Tensor conv_form(Slot produced, const ConvGeometry& geometry, const Tensor& first,
                 const Tensor& second, const Tensor& bias) {
  check(geometry);
  const ops::Tf32Scope scope(ops::allow_tf32());  // one switch for all its products, and the recipe
  const auto [a, b] = given_slots(produced);
  ops::ConvRead read;  // a copy made for the kernels is the one that is saved
  Tensor result = ops::conv_partial(produced, geometry, operands(produced, first, second),
                                    {.bias = bias.defined() ? &bias : nullptr}, &read);
  if (!wants_graph({first, second, bias})) return result;
  if (is_better_repeated(produced, geometry, first, second, result))
    attach_upsampling_recipe(geometry, first, second, read, bias, result);
  return record_one(
      op_name(produced), {first, second, bias}, std::move(result), conv_rule(produced, geometry),
      second.requires_grad() ? SavedTensor::with_data(first, read.at(a)) : SavedTensor(),
      first.requires_grad() ? SavedTensor::with_data(second, read.at(b)) : SavedTensor());
}

Tensor conv(const Tensor& x, const Tensor& w, const Tensor& bias, const ConvSettings& settings) {
  const ConvGeometry geometry = conv_geometry(x.shape(), w.shape(), settings);
  check_operands("conv", "x", x, w, bias, geometry.y_channels);
  if (settings.padding_mode == PadMode::constant) return batched(Slot::y, geometry, x, w, bias);
  const Tensor padded = pad(x, pad_amounts(geometry, settings), settings.padding_mode);
  const ConvGeometry inner = conv_geometry(
      padded.shape(), w.shape(),
      {.stride = settings.stride, .dilation = settings.dilation, .groups = settings.groups});
  return batched(Slot::y, inner, padded, w, bias);
}

Tensor conv_transpose(const Tensor& y, const Tensor& w, const Tensor& bias,
                      const ConvTransposeSettings& settings) {
  const ConvGeometry geometry = conv_transpose_geometry(y.shape(), w.shape(), settings);
  check_operands("conv_transpose", "y", y, w, bias, geometry.x_channels);
  return batched(Slot::x, geometry, y, w, bias);
}

std::vector<std::string> conv_algorithms(Device device) {
  std::vector<std::string> names;
  for (const auto& algorithm : ops::conv_kernels(device).algorithms) {
    names.emplace_back(algorithm.name);
  }
  return names;
}

void force_conv_algorithm(std::string_view name) { ops::set_forced_conv_algorithm(name); }

std::optional<ConvRun> last_conv() {
  const auto& report = ops::last_conv();
  if (!report) return std::nullopt;
  return ConvRun{.produced = report->problem.produced,
                 .geometry = report->problem.geometry,
                 .dtype = report->problem.dtype,
                 .algorithm = std::string(report->algorithm),
                 .workspace = report->workspace_bytes(),
                 .text = ops::to_string(*report)};
}

}  // namespace voxgrad
