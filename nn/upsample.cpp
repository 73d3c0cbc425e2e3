#include <voxgrad/nn/upsample.h>

#include <voxgrad/core/check.h>
#include <voxgrad/nn/layer_support.h>

namespace voxgrad::nn {
namespace {

std::string_view mode_name(InterpolateMode mode, std::size_t rank) {
  switch (mode) {
    case InterpolateMode::nearest: return "nearest";
    case InterpolateMode::nearest_exact: return "nearest-exact";
    case InterpolateMode::linear:
      return rank == 3 ? "trilinear" : rank == 2 ? "bilinear" : "linear";
    case InterpolateMode::bicubic: return "bicubic";
    case InterpolateMode::area: break;
  }
  return "area";
}

}  // namespace

Upsample::Upsample(const InterpolateOptions& options) : options_(options) {
  VG_CHECK(options.size.has_value() != !options.scale_factor.empty(), ShapeError,
           "Upsample: needs one of size and scale_factor; got {}", options.size ? "both" : "none");
}

Tensor Upsample::forward(const Tensor& x) const { return interpolate(x, options_); }

std::string Upsample::extra_repr() const {
  if (options_.size) {
    return fmt::format("size={}, mode='{}'", python_number_or_tuple(*options_.size),
                       mode_name(options_.mode, options_.size->values().size()));
  }
  std::vector<std::string> each;
  for (const double factor : options_.scale_factor) each.push_back(python_float(factor));
  const std::string text = each.size() == 1 ? each[0] : fmt::format("({})", fmt::join(each, ", "));
  return fmt::format("scale_factor={}, mode='{}'", text, mode_name(options_.mode, each.size()));
}

}  // namespace voxgrad::nn
