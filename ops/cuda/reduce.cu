// Reductions by fold(): an element of the result is an output.
#include <voxgrad/ops/reduce.h>

#include <voxgrad/ops/cuda/fold.h>
#include <voxgrad/ops/reduce_function.h>

namespace voxgrad::ops::cuda {

namespace {

template <typename R>
struct Merging {
  using Total = typename R::Total;
  static constexpr Total identity() { return total_identity<R>(); }
  static constexpr Total merge(Total a, Total b) { return R::merge(a, b); }
};

template <typename R>
__device__ typename R::Total lifted(typename R::In x) {
  return static_cast<typename R::Total>(R::add(R::identity(), x));
}

/// Of reduced axes that lie as one.
template <typename R>
struct LineElement {
  const typename R::In* start;
  Index step;
  __device__ typename R::Total operator()(Index j) const { return lifted<R>(start[j * step]); }
};

template <typename R>
struct Element {
  const Walk<1>& reduced;
  const typename R::In* start;
  __device__ typename R::Total operator()(Index j) const {
    return lifted<R>(start[reduced(j).at[0]]);
  }
};

template <typename R>
struct Elements {
  using Merge = Merging<R>;
  Walk<2> kept;  // x, out
  Walk<1> reduced;
  bool line;
  Index line_step;
  const typename R::In* x;
  __device__ typename R::Total operator()(Index output, Index first, Index step) const {
    const typename R::In* start = x + kept(output).at[0];
    if (line) {
      const LineElement<R> element{start, line_step};
      return fold_elements<Merge>(element, first, step, reduced.count());
    }
    return fold_elements<Merge, 4>(Element<R>{reduced, start}, first, step, reduced.count());
  }
};

template <typename R>
struct Store {
  Walk<2> kept;
  typename R::Out* out;
  __device__ void operator()(Index output, typename R::Total total) const {
    out[kept(output).at[1]] = static_cast<typename R::Out>(total);
  }
};

/// How the outputs of a kept axis lie, seen from memory.
FoldShape fold_shape(Index outputs, Index length, Index neighbours) {
  return {outputs / std::max<Index>(1, neighbours), length, neighbours};
}

void reduce(ReduceOp op, const Operand& x, const Operand& out) {
  const ReducedAxes<StridedAxes> axes(x, out);
  const Index neighbours = axes.kept_runs_fastest() ? axes.kept.inner().size : 1;
  const FoldShape shape = fold_shape(axes.kept.count(), axes.reduced.count(), neighbours);
  const Walk<2> kept(axes.kept);
  const Walk<1> reduced(axes.reduced);
  const bool line = axes.reduced.axes().size() == 1;
  const Index line_step = axes.reduced.inner().steps[0];
  visit_dtype(x.dtype, [&]<typename T>() {
    visit_reduction<T>(op, [&]<typename R>(R) {
      fold(name(op), shape,
           Elements<R>{kept, reduced, line, line_step, x.as<const typename R::In>()},
           Store<R>{kept, out.as<typename R::Out>()});
    });
  });
}

/// An element and its place on the axis.
template <typename T>
struct Placed {
  T value;
  Index place;  // negative: none
};

/// NaN beats all, the first of equals the others.
template <typename T, bool kLargest>
struct Best {
  using Total = Placed<T>;
  static constexpr Total identity() { return {T(0), -1}; }
  static constexpr Total merge(Total a, Total b) { return beats(b, a) ? b : a; }

 private:
  static constexpr bool beats(Total a, Total b) {
    if (a.place < 0 || b.place < 0) return b.place < 0;
    const bool a_is_nan = a.value != a.value, b_is_nan = b.value != b.value;
    if (a_is_nan != b_is_nan) return a_is_nan;
    if (!a_is_nan && a.value != b.value) return kLargest ? a.value > b.value : a.value < b.value;
    return a.place < b.place;
  }
};

template <typename T>
struct PlacedElement {
  const T* start;
  Index step;
  __device__ Placed<T> operator()(Index j) const { return {start[j * step], j}; }
};

template <typename T, bool kLargest>
struct PlacedElements {
  using Merge = Best<T, kLargest>;
  Walk<2> kept;  // x, out
  const T* x;
  Index size, step;
  __device__ Placed<T> operator()(Index output, Index first, Index by) const {
    const PlacedElement<T> element{x + kept(output).at[0], step};
    return fold_elements<Merge>(element, first, by, size);
  }
};

template <typename T>
struct StorePlace {
  Walk<2> kept;
  std::int64_t* out;
  __device__ void operator()(Index output, const Placed<T>& best) const {
    out[kept(output).at[1]] = best.place;
  }
};

template <bool kLargest>
void positions(const Operand& x, int axis, const Operand& out) {
  const auto a = static_cast<std::size_t>(axis);
  const Index size = x.shape[a], step = x.strides[a];
  const StridedAxes<2> axes(out.shape, {x.strides, out.strides});
  const bool kept_runs_fastest =
      axes.inner().size > 1 && std::abs(axes.inner().steps[0]) < std::abs(step);
  const FoldShape shape = fold_shape(axes.count(), size, kept_runs_fastest ? axes.inner().size : 1);
  const Walk<2> kept(axes);
  visit_dtype(x.dtype, [&]<typename T>() {
    fold("argmax", shape, PlacedElements<T, kLargest>{kept, x.as<const T>(), size, step},
         StorePlace<T>{kept, out.as<std::int64_t>()});
  });
}

void position(ReduceOp op, const Operand& x, int axis, const Operand& out) {
  op == ReduceOp::maximum ? positions<true>(x, axis, out) : positions<false>(x, axis, out);
}

}  // namespace

const ReduceKernels kReduce = {reduce, position};

}  // namespace voxgrad::ops::cuda
