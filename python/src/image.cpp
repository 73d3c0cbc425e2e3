// Resampling, pixel shuffles and windows of images.
#include "bind.h"

#include <string>

#include <voxgrad/autograd/functions/image.h>
#include <voxgrad/autograd/functions/resample.h>
#include <voxgrad/core/error.h>

namespace voxgrad::python {

namespace {

InterpolateMode interpolate_mode(const std::string& mode) {
  if (mode == "nearest") return InterpolateMode::nearest;
  if (mode == "nearest-exact") return InterpolateMode::nearest_exact;
  if (mode == "linear") return InterpolateMode::linear;
  if (mode == "bicubic") return InterpolateMode::bicubic;
  if (mode == "area") return InterpolateMode::area;
  throw ShapeError(
      "interpolate: mode must be nearest, nearest-exact, linear, bilinear, trilinear, "
      "bicubic or area; got '" +
      mode + "'");
}

}  // namespace

void bind_image(py::module_& m) {
  m.def(
      "_interpolate",
      [](const Tensor& x, const std::optional<Spatial>& size, const std::vector<double>& scale,
         const std::string& mode, std::optional<bool> align_corners, bool recompute) {
        return interpolate(x, {size, scale, interpolate_mode(mode), align_corners, recompute});
      },
      ReleaseGil());
  m.def("_pixel_shuffle", &pixel_shuffle, ReleaseGil());
  m.def("_pixel_unshuffle", &pixel_unshuffle, ReleaseGil());
  m.def(
      "_im2col",
      [](const Tensor& x, const Spatial& kernel, const Spatial& dilation, const Spatial& padding,
         const Spatial& stride) {
        return im2col(x, {kernel, dilation, padding, stride, 2});
      },
      ReleaseGil());
  m.def(
      "_col2im",
      [](const Tensor& x, const Shape& size, const Spatial& kernel, const Spatial& dilation,
         const Spatial& padding, const Spatial& stride) {
        return col2im(x, size, {kernel, dilation, padding, stride, 2});
      },
      ReleaseGil());
}

}  // namespace voxgrad::python
