#include <voxgrad/data/patches.h>

#include <utility>

#include <voxgrad/core/check.h>
#include <voxgrad/core/random.h>
#include <voxgrad/data/sampler.h>
#include <voxgrad/data/view3.h>

namespace voxgrad {
namespace {

struct Place {
  Size3 start = {};
  std::array<bool, 3> flip = {};
};

// Always the same number of draws, so that turning a flip off moves no patch.
Place draw_place(const Size3& whole, const PatchOptions& options, Generator& generator) {
  Place place;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const auto room = static_cast<std::uint64_t>(whole[axis] - options.size[axis] + 1);
    place.start[axis] = static_cast<Index>(generator.draw64() % room);
  }
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const bool heads = (generator.draw() >> 31) != 0;
    place.flip[axis] = heads && options.flips[axis];
  }
  return place;
}

// out[z][y][x] <- volume at the place, mirrored there.
template <typename From, typename To>
void copy_patch(const Tensor& volume, const Place& place, const Size3& size, To* out) {
  const View3<From> in(volume);
  const auto source = [&](std::size_t axis, Index i) {
    return place.start[axis] + (place.flip[axis] ? size[axis] - 1 - i : i);
  };
  for (Index z = 0; z < size[0]; ++z) {
    for (Index y = 0; y < size[1]; ++y) {
      for (Index x = 0; x < size[2]; ++x)
        *out++ = static_cast<To>(in(source(0, z), source(1, y), source(2, x)));
    }
  }
}

}  // namespace

PatchSampler::PatchSampler(Tensor image, Tensor label, const PatchOptions& options)
    : image_(std::move(image)), label_(std::move(label)), options_(options) {
  check_volume("PatchSampler", image_);
  check_volume("PatchSampler", label_);
  VG_CHECK(image_.shape() == label_.shape(), ShapeError,
           "PatchSampler: image and label must have equal shapes; got {} and {}",
           to_string(image_.shape()), to_string(label_.shape()));
  VG_CHECK(image_.dtype() == DType::float32 && !is_floating(label_.dtype()), DTypeError,
           "PatchSampler: the image must be float32 and the label integer or bool; got {} and {}",
           name(image_.dtype()), name(label_.dtype()));
  VG_CHECK(options.batch >= 1, ShapeError, "PatchSampler: batch must be 1 or more; got {}",
           options.batch);
  for (std::size_t axis = 0; axis < 3; ++axis) {
    VG_CHECK(options.size[axis] >= 1 && options.size[axis] <= image_.size(static_cast<Index>(axis)),
             ShapeError, "PatchSampler: a patch must fit into the volume {}; got size {}",
             to_string(image_.shape()), to_string(options.size));
  }
}

Patch PatchSampler::sample(Index i) const {
  VG_CHECK(i >= 0, IndexError, "PatchSampler: samples are numbered from 0; got {}", i);
  const auto [depth, height, width] = options_.size;
  Patch patch{Tensor::empty({options_.batch, 1, depth, height, width}, DType::float32),
              Tensor::empty({options_.batch, depth, height, width}, DType::int64)};
  float* image = patch.image.mutable_data<float>();
  std::int64_t* label = patch.label.mutable_data<std::int64_t>();
  const Index voxels = depth * height * width;
  Generator generator(mix_seed(options_.seed, static_cast<std::uint64_t>(i)));
  for (Index n = 0; n < options_.batch; ++n) {
    const Place place = draw_place(size3(image_), options_, generator);
    copy_patch<float>(image_, place, options_.size, image + n * voxels);
    visit_dtype(label_.dtype(), [&]<typename T>() {
      copy_patch<T>(label_, place, options_.size, label + n * voxels);
    });
  }
  return patch;
}

}  // namespace voxgrad
