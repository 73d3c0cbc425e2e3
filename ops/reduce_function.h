// Internal: what ReduceOp means for elements, and which axes a reduction walks, on every device.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <limits>
#include <type_traits>

#include <voxgrad/ops/reduce.h>

namespace voxgrad::ops {

// Elements are added in Lane for a short run, then runs merged in Total.
template <typename T>
struct Sum {
  using In = T;
  using Lane = std::conditional_t<std::is_floating_point_v<T>, T, std::uint64_t>;
  using Total = std::conditional_t<std::is_floating_point_v<T>, double, std::uint64_t>;
  using Out = std::conditional_t<std::is_floating_point_v<T>, T, std::int64_t>;
  static constexpr Lane identity() { return Lane(0); }
  static constexpr Lane add(Lane a, T x) { return a + static_cast<Lane>(x); }
  static constexpr Total merge(Total a, Total b) { return a + b; }
};

template <typename T>
struct Product {
  using In = T;
  using Lane = std::conditional_t<std::is_floating_point_v<T>, double, std::uint64_t>;
  using Total = Lane;
  using Out = std::conditional_t<std::is_floating_point_v<T>, T, std::int64_t>;
  static constexpr Lane identity() { return Lane(1); }
  static constexpr Lane add(Lane a, T x) { return a * static_cast<Lane>(x); }
  static constexpr Total merge(Total a, Total b) { return a * b; }
};

template <typename T>
struct Maximum {
  using In = T;
  using Lane = T;
  using Total = T;
  using Out = T;
  static constexpr Lane identity() {
    if constexpr (std::is_floating_point_v<T>) return -std::numeric_limits<T>::infinity();
    else return std::numeric_limits<T>::lowest();
  }
  // Bitwise or: a branch would keep the compiler from using vectors.
  static constexpr Lane add(Lane a, T x) { return ((x > a) | (x != x)) ? x : a; }
  static constexpr Total merge(Total a, Total b) { return add(a, b); }
};

template <typename T>
struct Minimum {
  using In = T;
  using Lane = T;
  using Total = T;
  using Out = T;
  static constexpr Lane identity() {
    if constexpr (std::is_floating_point_v<T>) return std::numeric_limits<T>::infinity();
    else return std::numeric_limits<T>::max();
  }
  static constexpr Lane add(Lane a, T x) { return ((x < a) | (x != x)) ? x : a; }
  static constexpr Total merge(Total a, Total b) { return add(a, b); }
};

template <typename R>
constexpr typename R::Total total_identity() {
  return static_cast<typename R::Total>(R::identity());
}

/// Calls run(R{}) with the reduction of elements of type T.
template <typename T, typename Run>
void visit_reduction(ReduceOp op, const Run& run) {
  switch (op) {
    case ReduceOp::sum: return run(Sum<T>{});
    case ReduceOp::maximum: return run(Maximum<T>{});
    case ReduceOp::minimum: return run(Minimum<T>{});
    case ReduceOp::product: return run(Product<T>{});
  }
}

/// The kept axes with operands (x, out), and the reduced axes with operand x; Axes is StridedAxes
/// or a class derived from it. `out` has the rank of x and size 1 on reduced axes.
template <template <int> typename Axes>
class ReducedAxes {
 public:
  ReducedAxes(const Operand& x, const Operand& out) : ReducedAxes(Parts(x, out)) {}

  Axes<2> kept;
  Axes<1> reduced;

  /// Neighbours in the memory of x belong to different outputs.
  bool kept_runs_fastest() const {
    const auto& inner = kept.inner();
    return inner.size > 1 && std::abs(inner.steps[0]) < std::abs(reduced.inner().steps[0]);
  }

 private:
  struct Parts {
    Shape kept, reduced;
    Strides kept_x, kept_out, reduced_x;

    Parts(const Operand& x, const Operand& out) {
      for (std::size_t i = 0; i < x.shape.size(); ++i) {
        if (out.shape[i] == x.shape[i]) {
          kept.push_back(x.shape[i]);
          kept_x.push_back(x.strides[i]);
          kept_out.push_back(out.strides[i]);
        } else {
          reduced.push_back(x.shape[i]);
          reduced_x.push_back(x.strides[i]);
        }
      }
    }
  };

  explicit ReducedAxes(const Parts& parts)
      : kept(parts.kept, {parts.kept_x, parts.kept_out}),
        reduced(parts.reduced, {parts.reduced_x}) {}
};

}  // namespace voxgrad::ops
