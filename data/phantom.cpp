#include <voxgrad/data/phantom.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include <voxgrad/core/check.h>
#include <voxgrad/core/parallel.h>
#include <voxgrad/core/random.h>

// A head is a list of nested shapes in a coordinate system where the volume reaches from -1 to 1 on
// each axis, with z up, y to the front, x to the right. Each voxel takes the tissue of the
// innermost shape it lies in; then come the coil's uneven brightness and the noise.
namespace voxgrad {
namespace {

using Point = std::array<double, 3>;  // z, y, x

enum Tissue { kAir, kBone, kFluid, kMuscle, kGrey, kSkin, kEye, kWhite, kFat };
constexpr std::array<double, 9> kBrightness = {0, 10, 22, 62, 65, 75, 85, 92, 110};

struct Ellipsoid {
  Point centre;
  Point radius;

  // 0 at the centre, 1 on the surface.
  double level(const Point& p) const {
    double sum = 0;
    for (std::size_t i = 0; i < 3; ++i) sum += std::pow((p[i] - centre[i]) / radius[i], 2);
    return std::sqrt(sum);
  }
};

// One head's numbers, all drawn at the start.
struct Head {
  explicit Head(Generator& generator) {
    std::array<double, 16> r = {};
    fill_uniform(r.data(), std::ssize(r), -1, 1, generator);
    for (std::size_t i = 0; i < 3; ++i) {
      brain.radius[i] *= 1 + 0.06 * r[i];
      brain.centre[i] += 0.03 * r[3 + i];
      phase[i] = std::numbers::pi * r[6 + i];
      coil[i] = std::numbers::pi * r[9 + i];
    }
    folds = 0.03 + 0.01 * r[12];
    skull = 1.13 + 0.02 * r[13];
    scalp = 1.27 + 0.03 * r[14];
    cerebellum.centre[0] += 0.03 * r[15];
  }

  // The brain's surface goes in and out: sulci, as waves over the direction from its centre.
  double brain_level(const Point& p) const {
    Point d = {};
    for (std::size_t i = 0; i < 3; ++i) d[i] = 9 * (p[i] - brain.centre[i]) / brain.radius[i];
    const double waves = std::sin(d[0] + phase[0]) * std::sin(d[1] + phase[1]) +
                         std::sin(d[1] + phase[1]) * std::sin(d[2] + phase[2]) +
                         std::sin(d[2] + phase[2]) * std::sin(d[0] + phase[0]);
    return brain.level(p) + folds * waves;
  }

  Ellipsoid brain = {{0.22, 0, 0}, {0.48, 0.68, 0.58}};
  Ellipsoid cerebellum = {{-0.28, -0.36, 0}, {0.2, 0.26, 0.36}};
  Ellipsoid stem = {{-0.42, -0.1, 0}, {0.34, 0.11, 0.12}};
  Ellipsoid left_eye = {{-0.3, 0.52, -0.25}, {0.12, 0.1, 0.12}};
  Ellipsoid right_eye = {{-0.3, 0.52, 0.25}, {0.12, 0.1, 0.12}};
  Ellipsoid face = {{-0.4, 0.38, 0}, {0.5, 0.42, 0.45}};
  Ellipsoid left_ventricle = {{0.24, -0.03, -0.09}, {0.09, 0.3, 0.05}};
  Ellipsoid right_ventricle = {{0.24, -0.03, 0.09}, {0.09, 0.3, 0.05}};
  Point phase = {};
  Point coil = {};
  double folds = 0;
  double skull = 0;
  double scalp = 0;
};

struct Voxel {
  Tissue tissue = kAir;
  bool brain = false;
};

Voxel inside_brain(const Head& head, const Point& p, double level) {
  if (head.left_ventricle.level(p) < 1 || head.right_ventricle.level(p) < 1) return {kFluid, true};
  return {level < 0.84 ? kWhite : kGrey, true};
}

Voxel voxel_at(const Head& head, const Point& p) {
  const double level = head.brain_level(p);
  if (level < 1) return inside_brain(head, p, level);
  const double cerebellum = head.cerebellum.level(p);
  if (cerebellum < 1) return {std::sin(40 * cerebellum) > 0 ? kWhite : kGrey, true};
  if (head.stem.level(p) < 1) return {kWhite, p[0] > -0.6};  // below, it is the spinal cord
  const double shell = std::min({head.brain.level(p), cerebellum, head.stem.level(p) * 0.8 + 0.2});
  if (shell < 1.06) return {kFluid, false};
  if (shell < head.skull) return {kBone, false};
  if (head.left_eye.level(p) < 1 || head.right_eye.level(p) < 1) return {kEye, false};
  const double neck = std::hypot((p[1] + 0.1) / 0.42, p[2] / 0.4);
  const double flesh = std::min({shell / head.scalp, head.face.level(p), p[0] < -0.3 ? neck : 2.0});
  if (flesh >= 1) return {kAir, false};
  if (flesh > 0.97) return {kSkin, false};
  return {flesh > 0.91 ? kFat : kMuscle, false};
}

double coil_brightness(const Head& head, const Point& p, double bias) {
  double waves = 0;
  for (std::size_t i = 0; i < 3; ++i) waves += std::sin(1.7 * p[i] + head.coil[i]);
  return 1 + bias * waves / 3;
}

double coordinate(Index i, Index size) {
  return (2 * static_cast<double>(i) + 1) / static_cast<double>(size) - 1;
}

}  // namespace

Phantom make_phantom(const PhantomOptions& options) {
  const Size3& size = options.size;
  VG_CHECK(std::ranges::all_of(size, [](Index n) { return n >= 8 && n <= 4096; }), ShapeError,
           "make_phantom: sizes must be 8 to 4096; got {}", to_string(size));
  VG_CHECK(options.noise >= 0 && std::isfinite(options.noise) && options.bias >= 0 &&
               options.bias <= 0.9,
           ShapeError, "make_phantom: noise must be 0 or more and bias in [0, 0.9]; got {} and {}",
           options.noise, options.bias);
  Phantom phantom{Tensor::empty({size[0], size[1], size[2]}, DType::float32),
                  Tensor::empty({size[0], size[1], size[2]}, DType::uint8)};
  float* image = phantom.image.mutable_data<float>();
  std::uint8_t* mask = phantom.mask.mutable_data<std::uint8_t>();
  Generator generator(options.seed);
  const Head head(generator);
  fill_normal(image, phantom.image.numel(), 0, options.noise, generator);
  parallel_for(size[0], [&](Index z) {
    for (Index y = 0; y < size[1]; ++y) {
      for (Index x = 0; x < size[2]; ++x) {
        const Point p = {coordinate(z, size[0]), coordinate(y, size[1]), coordinate(x, size[2])};
        const Voxel voxel = voxel_at(head, p);
        const Index i = (z * size[1] + y) * size[2] + x;
        const double clean = kBrightness[voxel.tissue] * coil_brightness(head, p, options.bias);
        image[i] = static_cast<float>(std::abs(clean + static_cast<double>(image[i])));
        mask[i] = voxel.brain;
      }
    }
  });
  return phantom;
}

}  // namespace voxgrad
