// What the optimizer tests share: 10 steps on parameters whose gradients depend on them, and the
// comparison with one number at a time in double precision.
#pragma once

#include <gtest/gtest.h>
#include <voxgrad/core/tensor.h>
#include <voxgrad/optim/optimizer.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

namespace voxgrad::test {

/// The gradient at p of element i in step t: neither constant nor of one sign.
inline double gradient(double p, Index i, int t) {
  return std::sin(0.7 * static_cast<double>(i) + t) + 0.3 * p;
}

/// One element's rule: the new value from the present one, the gradient and the step from 1 on.
using ScalarRule = std::function<double(double p, double g, int t)>;

/// Runs `make(parameters)` for 10 steps on 2 * kGrain-ish elements and compares every element with
/// `rule()`, of which each element gets its own.
template <typename T, typename Make>
void expect_like_scalar_rule(Make make, const std::function<ScalarRule()>& rule) {
  constexpr Index kSize = (Index{1} << 15) + 3;  // more than one task of the parallel pass
  constexpr int kSteps = 10;
  std::vector<T> start(kSize);
  for (Index i = 0; i < kSize; ++i)
    start[i] = static_cast<T>(std::cos(0.3 * static_cast<double>(i)));
  Tensor parameter = Tensor::from(start, {kSize}).requires_grad_();
  const auto optimizer = make(std::vector<Tensor>{parameter});
  std::vector<double> expected(start.begin(), start.end());
  std::vector<ScalarRule> rules;
  for (Index i = 0; i < kSize; ++i) rules.push_back(rule());
  for (int t = 1; t <= kSteps; ++t) {
    std::vector<T> grad(kSize);
    for (Index i = 0; i < kSize; ++i) {
      // From the scalar's value, so that rounding does not grow through the gradient.
      const double g = gradient(expected[i], i, t);
      grad[i] = static_cast<T>(g);
      expected[i] = rules[i](expected[i], static_cast<double>(grad[i]), t);
    }
    parameter.set_grad(Tensor::from(grad, {kSize}));
    optimizer->step();
  }
  const std::vector<T> got = parameter.to_vector<T>();
  // A step has about ten roundings of values below 10; the root amplifies those of small squares.
  const double tolerance = 100.0 * kSteps * std::numeric_limits<T>::epsilon();
  double worst = 0;
  for (Index i = 0; i < kSize; ++i) worst = std::max(worst, std::abs(got[i] - expected[i]));
  EXPECT_LT(worst, tolerance);
}

}  // namespace voxgrad::test
