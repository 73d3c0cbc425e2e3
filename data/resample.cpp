#include <voxgrad/data/resample.h>

#include <algorithm>
#include <cmath>

#include <voxgrad/core/check.h>
#include <voxgrad/core/parallel.h>
#include <voxgrad/data/view3.h>

namespace voxgrad {
namespace {

void check_factor(std::string_view op, Index factor) {
  VG_CHECK(factor >= 1 && factor <= 64, ShapeError, "{}: factor must be 1 to 64; got {}", op,
           factor);
}

void check_coarse(std::string_view op, const Tensor& volume, Index factor, const Size3& size) {
  check_volume(op, volume);
  check_factor(op, factor);
  VG_CHECK(std::ranges::all_of(size, [](Index n) { return n >= 0; }), ShapeError,
           "{}: sizes must be 0 or more; got {}", op, to_string(size));
  const Size3 expected = coarse_size(size, factor);
  VG_CHECK(size3(volume) == expected, ShapeError,
           "{}: for size {} and factor {} the volume must have shape {}; got {}", op,
           to_string(size), factor, to_string(expected), to_string(volume.shape()));
}

// Calls f(values of the block, index of the coarse voxel) for every block; blocks may run at the
// same time.
template <typename T, typename F>
void for_each_block(const Tensor& volume, Index factor, F&& f) {
  const View3<T> in(volume);
  const Size3 size = size3(volume);
  const Size3 coarse = coarse_size(size, factor);
  parallel_for(coarse[0], [&](Index z) {
    std::vector<T> block;
    for (Index y = 0; y < coarse[1]; ++y) {
      for (Index x = 0; x < coarse[2]; ++x) {
        block.clear();
        for (Index i = z * factor; i < std::min(size[0], (z + 1) * factor); ++i) {
          for (Index j = y * factor; j < std::min(size[1], (y + 1) * factor); ++j) {
            for (Index k = x * factor; k < std::min(size[2], (x + 1) * factor); ++k)
              block.push_back(in(i, j, k));
          }
        }
        f(block, (z * coarse[1] + y) * coarse[2] + x);
      }
    }
  });
}

template <typename T>
T most_frequent(std::vector<T>& values) {
  std::sort(values.begin(), values.end());
  T best = values.front();
  std::ptrdiff_t most = 0;
  for (auto run = values.begin(); run != values.end();) {
    const auto end = std::upper_bound(run, values.end(), *run);
    if (end - run > most) {
      most = end - run;
      best = *run;
    }
    run = end;
  }
  return best;
}

// Voxel i lies between the coarse centres `low` and `high`, `weight` of the way to the latter.
struct Tap {
  Index low = 0;
  Index high = 0;
  float weight = 0;
};

// The last block may be smaller, and its centre then lies nearer to the one before it.
std::vector<Tap> linear_taps(Index size, Index coarse, Index factor) {
  const auto centre = [=](Index block) {
    return static_cast<double>(block * factor + std::min((block + 1) * factor, size) - 1) / 2;
  };
  std::vector<Tap> taps(static_cast<std::size_t>(size));
  for (Index i = 0; i < size; ++i) {
    const auto place = static_cast<double>(i);
    const Index own = i / factor;
    const Index low = std::max<Index>(place < centre(own) ? own - 1 : own, 0);
    const Index high = std::min(low + 1, coarse - 1);
    const double distance = low < high ? centre(high) - centre(low) : 1;
    const double weight = std::clamp((place - centre(low)) / distance, 0.0, 1.0);
    taps[static_cast<std::size_t>(i)] = {low, high, static_cast<float>(weight)};
  }
  return taps;
}

float mix(float a, float b, float weight) { return a + weight * (b - a); }

}  // namespace

Size3 coarse_size(const Size3& size, Index factor) {
  check_factor("coarse_size", factor);
  Size3 coarse = {};
  for (std::size_t axis = 0; axis < 3; ++axis)
    coarse[axis] = size[axis] / factor + (size[axis] % factor != 0);
  return coarse;
}

Tensor block_mean(const Tensor& volume, Index factor) {
  check_volume("block_mean", volume);
  check_factor("block_mean", factor);
  const Size3 coarse = coarse_size(size3(volume), factor);
  Tensor result = Tensor::empty({coarse[0], coarse[1], coarse[2]}, DType::float32);
  float* out = result.mutable_data<float>();
  visit_dtype(volume.dtype(), [&]<typename T>() {
    for_each_block<T>(volume, factor, [&](const std::vector<T>& block, Index i) {
      double sum = 0;
      for (const T value : block) sum += static_cast<double>(value);
      out[i] = static_cast<float>(sum / static_cast<double>(block.size()));
    });
  });
  return result;
}

Tensor block_majority(const Tensor& labels, Index factor) {
  check_volume("block_majority", labels);
  check_factor("block_majority", factor);
  const Size3 coarse = coarse_size(size3(labels), factor);
  Tensor result = Tensor::empty({coarse[0], coarse[1], coarse[2]}, labels.dtype());
  visit_dtype(labels.dtype(), [&]<typename T>() {
    T* out = result.mutable_data<T>();
    for_each_block<T>(labels, factor,
                      [&](std::vector<T>& block, Index i) { out[i] = most_frequent(block); });
  });
  return result;
}

Tensor upsample_blocks(const Tensor& volume, Index factor, const Size3& size) {
  check_coarse("upsample_blocks", volume, factor, size);
  Tensor result = Tensor::empty({size[0], size[1], size[2]}, volume.dtype());
  visit_dtype(volume.dtype(), [&]<typename T>() {
    const View3<T> in(volume);
    T* out = result.mutable_data<T>();
    parallel_for(size[0], [&](Index z) {
      for (Index y = 0; y < size[1]; ++y) {
        T* row = out + (z * size[1] + y) * size[2];
        for (Index x = 0; x < size[2]; ++x) row[x] = in(z / factor, y / factor, x / factor);
      }
    });
  });
  return result;
}

Tensor upsample_linear(const Tensor& volume, Index factor, const Size3& size) {
  check_coarse("upsample_linear", volume, factor, size);
  VG_CHECK(volume.dtype() == DType::float32, DTypeError,
           "upsample_linear: the volume must be float32; got {}", name(volume.dtype()));
  Tensor result = Tensor::empty({size[0], size[1], size[2]}, DType::float32);
  const Size3 coarse = size3(volume);
  const std::vector<Tap> rows = linear_taps(size[1], coarse[1], factor);
  const std::vector<Tap> columns = linear_taps(size[2], coarse[2], factor);
  const std::vector<Tap> planes = linear_taps(size[0], coarse[0], factor);
  const View3<float> in(volume);
  float* out = result.mutable_data<float>();
  parallel_for(size[0], [&](Index z) {
    const Tap a = planes[static_cast<std::size_t>(z)];
    float* voxel = out + z * size[1] * size[2];
    for (const Tap& b : rows) {
      for (const Tap& c : columns) {
        const auto line = [&](Index i, Index j) {
          return mix(in(i, j, c.low), in(i, j, c.high), c.weight);
        };
        const auto plane = [&](Index i) { return mix(line(i, b.low), line(i, b.high), b.weight); };
        *voxel++ = mix(plane(a.low), plane(a.high), a.weight);
      }
    }
  });
  return result;
}

}  // namespace voxgrad
