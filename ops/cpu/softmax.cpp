// Softmax and its gradient, tile by tile (class_tile.h).
#include <voxgrad/ops/softmax.h>

#include <voxgrad/ops/cpu/by_instruction_set.h>
#include <voxgrad/ops/cpu/class_tile.h>

namespace voxgrad::ops::cpu {
namespace {

struct DivideBody {
  template <typename T>
  [[gnu::always_inline]] static inline void run(T* tile, Index classes, Index stride, Index count,
                                                T* sums) {
    for (Index p = 0; p < count; ++p) sums[p] = T(1) / sums[p];
    for (Index c = 0; c < classes; ++c) {
      T* x = tile + c * stride;
#pragma GCC ivdep
      for (Index p = 0; p < count; ++p) x[p] *= sums[p];
    }
  }
};

/// tile = (tile - largest) - logarithms: in this order large scores lose nothing.
struct SubtractBody {
  template <typename T>
  [[gnu::always_inline]] static inline void run(T* tile, Index classes, Index stride, Index count,
                                                const T* largest, const T* logarithms) {
    for (Index c = 0; c < classes; ++c) {
      T* x = tile + c * stride;
#pragma GCC ivdep
      for (Index p = 0; p < count; ++p) x[p] = (x[p] - largest[p]) - logarithms[p];
    }
  }
};

/// dy <- gradient by x.
struct GradientBody {
  template <typename T>
  [[gnu::always_inline]] static inline void run(bool logarithm, const T* y, T* dy, Index classes,
                                                Index stride, Index count, T* sums) {
    std::fill_n(sums, count, T(0));
    for (Index c = 0; c < classes; ++c) {
      const T* a = y + c * stride;
      const T* b = dy + c * stride;
      if (logarithm) {
#pragma GCC ivdep
        for (Index p = 0; p < count; ++p) sums[p] += b[p];
      } else {
#pragma GCC ivdep
        for (Index p = 0; p < count; ++p) sums[p] += a[p] * b[p];
      }
    }
    for (Index c = 0; c < classes; ++c) {
      const T* a = y + c * stride;
      T* b = dy + c * stride;
      if (logarithm) {
#pragma GCC ivdep
        for (Index p = 0; p < count; ++p) b[p] -= fast_exp(a[p]) * sums[p];
      } else {
#pragma GCC ivdep
        for (Index p = 0; p < count; ++p) b[p] = a[p] * (b[p] - sums[p]);
      }
    }
  }
};

std::size_t unsign(Index i) { return static_cast<std::size_t>(i); }

void softmax(const ClassShape& shape, bool logarithm, const Tensor& x, Tensor& y) {
  const Index stride = tile_positions(shape.classes);
  const Index elements = stride * shape.classes;
  visit_floating(x.dtype(), [&]<typename T>() {
    const T* from = x.data<T>();
    T* to = y.mutable_data<T>();
    for_each_tile(shape, [&](Index first, Index count) {
      std::vector<T> scratch(unsign(elements * (logarithm ? 2 : 1) + 2 * stride));
      T* largest = scratch.data();
      T* sums = largest + stride;
      T* tile = sums + stride;
      load_tile(shape, from, first, count, stride, tile);
      run_widest<MaximumBody>(static_cast<const T*>(tile), shape.classes, stride, count, largest);
      T* powers = tile;
      if (logarithm) {
        powers = tile + elements;
        std::copy_n(tile, elements, powers);
      }
      run_widest<ExponentialBody>(powers, shape.classes, stride, count,
                                  static_cast<const T*>(largest), sums);
      if (logarithm) {
        for (Index p = 0; p < count; ++p) sums[p] = std::log(sums[p]);
        run_widest<SubtractBody>(tile, shape.classes, stride, count, static_cast<const T*>(largest),
                                 static_cast<const T*>(sums));
      } else {
        run_widest<DivideBody>(tile, shape.classes, stride, count, sums);
      }
      store_tile(shape, tile, first, count, stride, to);
    });
  });
}

void softmax_gradient(const ClassShape& shape, bool logarithm, const Tensor& y, const Tensor& dy,
                      Tensor& dx) {
  const Index stride = tile_positions(shape.classes);
  const Index elements = stride * shape.classes;
  visit_floating(y.dtype(), [&]<typename T>() {
    const T* values = y.data<T>();
    const T* gradient = dy.data<T>();
    T* to = dx.mutable_data<T>();
    for_each_tile(shape, [&](Index first, Index count) {
      std::vector<T> scratch(unsign(2 * elements + stride));
      T* a = scratch.data() + stride;
      T* b = a + elements;
      load_tile(shape, values, first, count, stride, a);
      load_tile(shape, gradient, first, count, stride, b);
      run_widest<GradientBody>(logarithm, static_cast<const T*>(a), b, shape.classes, stride, count,
                               scratch.data());
      store_tile(shape, b, first, count, stride, to);
    });
  });
}

}  // namespace

const SoftmaxKernels kSoftmax = {.softmax = softmax, .softmax_gradient = softmax_gradient};

}  // namespace voxgrad::ops::cpu
