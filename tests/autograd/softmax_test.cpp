#include <voxgrad/autograd/functions/softmax.h>

#include <gtest/gtest.h>

#include <voxgrad/autograd/gradcheck.h>
#include <voxgrad/core/error.h>

#include "tests/ops/random_values.h"

namespace voxgrad {
namespace {

using namespace voxgrad::testing;

TEST(Softmax, Differentiates) {
  for (const Index axis : {0, 1, -1}) {
    for (const Layout layout : kAllLayouts) {
      std::vector<Tensor> inputs{random_values({2, 3, 4}, DType::float64, layout)};
      inputs[0].requires_grad_();
      for (Tensor (*f)(const Tensor&, Index) : {&softmax, &log_softmax}) {
        const auto values = [=](std::span<const Tensor> x) {
          return std::vector<Tensor>{f(x[0], axis)};
        };
        EXPECT_NO_THROW(gradcheck(values, inputs));
        EXPECT_NO_THROW(gradgradcheck(values, inputs));
      }
    }
  }
}

TEST(Softmax, RefusesWhatDoesNotFit) {
  EXPECT_THROW(softmax(random_values({2, 3}), 2), IndexError);
  EXPECT_THROW(softmax(Tensor::empty({2, 3}, DType::int64), 1), DTypeError);
}

}  // namespace
}  // namespace voxgrad
