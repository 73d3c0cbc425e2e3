#include <voxgrad/autograd/checkpoint.h>

#include <gtest/gtest.h>

#include <voxgrad/autograd/engine.h>
#include <voxgrad/autograd/functions/creation.h>
#include <voxgrad/autograd/functions/dropout.h>
#include <voxgrad/autograd/functions/elementwise.h>
#include <voxgrad/autograd/functions/reduce.h>
#include <voxgrad/autograd/grad_mode.h>
#include <voxgrad/autograd/gradcheck.h>
#include <voxgrad/core/backend.h>
#include <voxgrad/core/error.h>
#include <voxgrad/core/random.h>

namespace voxgrad {
namespace {

std::vector<double> values(const Tensor& x) { return x.to_vector<double>(); }

Tensor leaf(const Shape& shape) { return randn(shape, DType::float64).requires_grad_(); }

Tensor twice_exp(const Tensor& x) { return exp(mul(exp(x), 0.5)); }

TEST(Checkpoint, HasTheFunctionsValuesAndGradients) {
  const Tensor x = leaf({3, 4}), w = leaf({4});
  const auto function = [&](const Tensor& input) { return mul(exp(mul(input, w)), w); };
  const std::vector<Tensor> wanted = grad(std::vector{sum(function(x))}, std::vector{x, w});
  const Tensor y = checkpoint(function, x);
  EXPECT_EQ(values(y), values(function(x)));
  sum(y).backward();
  EXPECT_EQ(values(x.grad()), values(wanted[0]));
  EXPECT_EQ(values(w.grad()), values(wanted[1]));
}

TEST(Checkpoint, KeepsItsInputsOnly) {
  const Tensor x = Tensor::from<float>(std::vector<float>(1 << 16, 0.5F), {1 << 16});
  const auto held = [&](bool again) {
    const Tensor input = mul(x, 1.0).requires_grad_();
    const std::size_t before = backend({}).memory_stats().current;
    const Tensor y = again ? checkpoint(twice_exp, input) : twice_exp(input);
    return backend({}).memory_stats().current - before;
  };
  EXPECT_EQ(held(true), x.numel() * sizeof(float));
  EXPECT_EQ(held(false), 2 * x.numel() * sizeof(float));
}

TEST(Checkpoint, GivesEachGradientToItsOwnPartOfTheGraph) {
  // `middle` is used within, and leads to w, which is used within as well.
  const Tensor x = leaf({5}), w = leaf({5});
  const auto loss = [&](bool again) {
    const Tensor middle = mul(w, 3.0);
    const auto function = [middle, w](const Tensor& input) {
      return mul(mul(exp(input), middle), w);
    };
    return sum(mul(again ? checkpoint(function, x) : function(x), middle));
  };
  const std::vector<Tensor> wanted = grad(std::vector{loss(false)}, std::vector{x, w});
  const std::vector<Tensor> found = grad(std::vector{loss(true)}, std::vector{x, w});
  for (int i = 0; i < 2; ++i) EXPECT_EQ(values(found[i]), values(wanted[i]));
  EXPECT_EQ(values(grad(std::vector{loss(true)}, std::vector{w})[0]), values(wanted[1]));
}

TEST(Checkpoint, RunsHooksOnce) {
  const Tensor x = leaf({3});
  const Tensor before = mul(x, 2.0);
  int calls = 0;
  for (const Tensor& hooked : {x, before}) {
    register_hook(hooked, [&](const Tensor& grad) {
      ++calls;
      return mul(grad, 10.0);
    });
  }
  sum(checkpoint([](const Tensor& input) { return mul(input, 1.0); }, before)).backward();
  EXPECT_EQ(calls, 2);
  EXPECT_EQ(values(x.grad()), std::vector<double>(3, 200));
}

TEST(Checkpoint, CanBeDifferentiatedTwice) {
  const std::vector<Tensor> inputs{leaf({2, 3}), leaf({3})};
  const TensorFunction function = [](std::span<const Tensor> in) {
    return std::vector<Tensor>{mul(exp(mul(in[0], in[1])), in[1]), exp(in[0])};
  };
  const TensorFunction again = [&](std::span<const Tensor> in) { return checkpoint(function, in); };
  gradcheck(again, inputs);
  gradgradcheck(again, inputs);
}

TEST(Checkpoint, CanStandInOneAnother) {
  const Tensor x = leaf({4});
  const auto inner = [](const Tensor& in) { return checkpoint(twice_exp, mul(in, 0.1)); };
  sum(checkpoint(inner, x)).backward();
  EXPECT_EQ(values(x.grad()), values(grad(std::vector{sum(inner(x))}, std::vector{x})[0]));
}

TEST(Checkpoint, LongChainsTakeNoLongStack) {
  const Tensor x = leaf({1});
  Tensor y = x;
  for (int i = 0; i < 20000; ++i) y = checkpoint([](const Tensor& in) { return mul(in, 1.0); }, y);
  sum(y).backward();
  EXPECT_EQ(values(x.grad()), std::vector<double>{1});
  y = x;
  for (int i = 0; i < 20000; ++i) y = checkpoint([](const Tensor& in) { return mul(in, 1.0); }, y);
}

TEST(Checkpoint, DrawsTheSameNumbersAgain) {
  const Tensor x = leaf({1000});
  manual_seed(3);
  const Tensor y = checkpoint([](const Tensor& in) { return dropout(in, 0.5, true); }, x);
  const std::uint32_t next = default_generator().draw();
  const std::vector<std::uint32_t> state = default_generator().state();
  sum(y).backward();
  EXPECT_EQ(default_generator().state(), state);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(values(x.grad())[i] == 0, values(y)[i] == 0);
  manual_seed(3);
  dropout(x, 0.5, true);
  EXPECT_EQ(default_generator().draw(), next);
}

TEST(Checkpoint, IsTheFunctionWhereNothingIsRecorded) {
  int calls = 0;
  const auto function = [&](const Tensor& in) {
    ++calls;
    return mul(in, 2.0);
  };
  EXPECT_FALSE(checkpoint(function, randn({2})).requires_grad());
  const NoGrad guard;
  EXPECT_FALSE(checkpoint(function, leaf({2})).requires_grad());
  EXPECT_EQ(calls, 2);
}

TEST(Checkpoint, PassesOnWhatHasNoGradient) {
  const std::vector<Tensor> inputs{leaf({2}), Tensor()};
  const std::vector<Tensor> results = checkpoint(
      [](std::span<const Tensor> in) {
        return std::vector<Tensor>{in[0].detach(), mul(in[0], 2.0), Tensor(), in[0]};
      },
      inputs);
  EXPECT_FALSE(results[0].requires_grad());
  EXPECT_FALSE(results[2].defined());
  sum(add(results[1], results[3])).backward();
  EXPECT_EQ(values(inputs[0].grad()), std::vector<double>(2, 3));
}

TEST(Checkpoint, ResultsWithoutGradientStartNothing) {
  const Tensor x = Tensor::from<double>({0, 1}, {2}).requires_grad_(), w = leaf({2});
  const auto function = [&](std::span<const Tensor> in) {
    return std::vector<Tensor>{mul(in[0], 2.0), mul(log(in[0]), w)};
  };
  sum(checkpoint(function, std::span(&x, 1))[0]).backward();
  EXPECT_EQ(values(x.grad()), std::vector<double>(2, 2));
  EXPECT_FALSE(w.grad().defined());
}

TEST(Checkpoint, ResultsThatAreInputsOrEachOtherStaySo) {
  const Tensor x = leaf({2}), input = mul(x, 1.0);
  const std::vector<Tensor> results = checkpoint(
      [](std::span<const Tensor> in) {
        const Tensor y = mul(in[0], 2.0);
        return std::vector<Tensor>{y, in[0], y};
      },
      std::span(&input, 1));
  EXPECT_TRUE(results[1].is_same(input));
  EXPECT_TRUE(results[2].is_same(results[0]));
  sum(add(results[0], results[2])).backward();
  EXPECT_EQ(values(x.grad()), std::vector<double>(2, 4));
}

TEST(Checkpoint, WithoutInputsIsReleasedToo) {
  const Tensor w = leaf({2});
  const auto function = [&](std::span<const Tensor> in) {
    EXPECT_TRUE(in.empty());
    return std::vector<Tensor>{exp(w)};
  };
  const Tensor loss = sum(checkpoint(function, {})[0]);
  loss.backward();
  EXPECT_EQ(values(w.grad()), values(exp(w)));
  EXPECT_THROW(loss.backward(), AutogradError);
}

TEST(Checkpoint, RefusesAFunctionThatChangesItsInput) {
  const Tensor x = leaf({2});
  const Tensor input = mul(x, 1.0);
  const auto function = [](const Tensor& in) {
    Tensor mine = in;
    return mul(mine.mul_(2.0), 3.0);
  };
  EXPECT_THROW(checkpoint(function, input), AutogradError);
}

TEST(Checkpoint, RefusesAChangedInputAndASecondPass) {
  const Tensor x = leaf({2});
  Tensor input = mul(x, 2.0);
  const Tensor y = checkpoint(twice_exp, input);
  {
    const NoGrad guard;
    input.mul_(2.0);
  }
  EXPECT_THROW(sum(y).backward(), AutogradError);
  const Tensor z = sum(checkpoint(twice_exp, x));
  z.backward();
  EXPECT_THROW(z.backward(), AutogradError);
}

TEST(Checkpoint, RefusesAFunctionThatDoesSomethingElseAgain) {
  const Tensor x = leaf({2});
  int calls = 0;
  const Tensor y = checkpoint(
      [&](std::span<const Tensor> in) {
        return std::vector<Tensor>(1 + static_cast<std::size_t>(calls++), mul(in[0], 2.0));
      },
      std::span(&x, 1))[0];
  EXPECT_THROW(sum(y).backward(), AutogradError);
  const Tensor z =
      checkpoint([&](const Tensor& in) { return calls++ == 2 ? exp(in) : sum(in); }, x);
  EXPECT_THROW(sum(z).backward(), ShapeError);
  EXPECT_THROW(checkpoint(TensorFunction(), std::span(&x, 1)), AutogradError);
}

}  // namespace
}  // namespace voxgrad
