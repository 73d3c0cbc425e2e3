#include <voxgrad/autograd/engine.h>

#include <gtest/gtest.h>

#include <thread>

#include <voxgrad/autograd/functions/creation.h>
#include <voxgrad/autograd/functions/elementwise.h>
#include <voxgrad/autograd/functions/reduce.h>
#include <voxgrad/autograd/node.h>
#include <voxgrad/core/backend.h>
#include <voxgrad/core/error.h>
#include <voxgrad/core/parallel.h>

namespace voxgrad {
namespace {

Tensor leaf(std::vector<double> values) {
  const Index count = static_cast<Index>(values.size());
  return Tensor::from(values, {count}).requires_grad_();
}

std::vector<double> values(const Tensor& x) { return x.to_vector<double>(); }

TEST(Engine, SumsGradientsOfASharedInput) {
  const Tensor x = leaf({2, 3});
  sum(add(mul(x, x), x)).backward();
  EXPECT_EQ(values(x.grad()), (std::vector<double>{5, 7}));
}

TEST(Engine, AccumulatesIntoLeavesUntilCleared) {
  Tensor x = leaf({2});
  sum(mul(x, 3.0)).backward();
  const Tensor held = x.grad();
  sum(mul(x, 4.0)).backward();
  EXPECT_EQ(values(held), (std::vector<double>{7}));  // the same tensor, added to in place
  x.set_grad({});
  EXPECT_FALSE(x.grad().defined());
}

TEST(Engine, TwoLeavesNeverShareAGradient) {
  const Tensor a = leaf({1, 2}), b = leaf({3, 4});
  sum(add(a, b)).backward();
  a.grad().fill_(9);
  EXPECT_EQ(values(b.grad()), (std::vector<double>{1, 1}));
}

TEST(Engine, DifferentiatesItsOwnDerivative) {
  const Tensor x = leaf({2});
  const std::array inputs{x};
  const std::array y{sum(mul(mul(x, x), x))};
  const auto first = grad(y, inputs, {}, {.create_graph = true});
  EXPECT_EQ(values(first[0]), (std::vector<double>{12}));
  const std::array first_sum{sum(first[0])};
  const auto second = grad(first_sum, inputs, {}, {.create_graph = true});
  EXPECT_EQ(values(second[0]), (std::vector<double>{12}));
  const std::array second_sum{sum(second[0])};
  EXPECT_EQ(values(grad(second_sum, inputs)[0]), (std::vector<double>{6}));
}

TEST(Engine, GradTouchesNoLeaf) {
  const Tensor x = leaf({2}), w = leaf({5});
  const std::array y{sum(mul(x, w))}, inputs{x};
  EXPECT_EQ(values(grad(y, inputs)[0]), (std::vector<double>{5}));
  EXPECT_FALSE(x.grad().defined());
  EXPECT_FALSE(w.grad().defined());
}

TEST(Engine, GradReachesInnerTensors) {
  const Tensor x = leaf({2});
  const Tensor inner = mul(x, x);
  const std::array y{sum(mul(inner, 5.0))};
  const std::array inputs{inner, x};
  const auto found = grad(y, inputs);
  EXPECT_EQ(values(found[0]), (std::vector<double>{5}));
  EXPECT_EQ(values(found[1]), (std::vector<double>{20}));
}

TEST(Engine, UnusedInputsAreErrorsUnlessAllowed) {
  const Tensor x = leaf({2}), other = leaf({1});
  const std::array y{sum(mul(x, x))}, inputs{other};
  EXPECT_THROW(grad(y, inputs, {}, {.retain_graph = true}), AutogradError);
  EXPECT_FALSE(grad(y, inputs, {}, {.allow_unused = true})[0].defined());
}

TEST(Engine, ASecondBackwardNeedsTheGraphRetained) {
  const Tensor x = leaf({2});
  const Tensor y = sum(mul(x, x));
  y.backward({}, true);
  y.backward();
  EXPECT_EQ(values(x.grad()), (std::vector<double>{8}));
  EXPECT_THROW(y.backward(), AutogradError);
}

TEST(Engine, RefusesWhatHasNoGradient) {
  const Tensor x = Tensor::from<double>({1, 2}, {2});
  EXPECT_THROW(sum(x).backward(), AutogradError);
  const Tensor w = leaf({1, 2});
  EXPECT_THROW(mul(w, w).backward(), ShapeError);  // not a scalar, no gradient given
  EXPECT_THROW(mul(w, w).backward(zeros({3}, DType::float64)), ShapeError);
  EXPECT_THROW(mul(w, w).backward(zeros({2}, DType::float32)), DTypeError);
  EXPECT_THROW(Tensor::from<std::int64_t>({1}, {1}).requires_grad_(), DTypeError);
}

TEST(Engine, NoGradRecordsNothing) {
  const Tensor x = leaf({2});
  const NoGrad guard;
  EXPECT_FALSE(mul(x, x).requires_grad());
}

TEST(Engine, ChainsOfAMillionOperationsNeedNoStack) {
  const Tensor x = leaf({1});
  {
    Tensor y = x;
    for (int i = 0; i < 1'000'000; ++i) y = add(y, 0.0);
    y.backward(ones({1}, DType::float64));
  }
  EXPECT_EQ(values(x.grad()), (std::vector<double>{1}));
  Tensor abandoned = x;
  for (int i = 0; i < 1'000'000; ++i) abandoned = add(abandoned, 0.0);
  abandoned = {};  // freed without a backward
}

TEST(Engine, FreesBuffersAsItPassesThem) {
  const Tensor x = Tensor::from(std::vector<double>(100'000, 1.0), {100'000}).requires_grad_();
  backend({}).reset_peak_memory_stats();
  const std::size_t before = backend({}).memory_stats().current;
  {
    Tensor y = x;
    for (int i = 0; i < 8; ++i) y = square(y);
    sum(y).backward();
  }
  EXPECT_LT(backend({}).memory_stats().peak - before, 12u * 900'000);
  EXPECT_LT(backend({}).memory_stats().current - before, 2u * 900'000);
}

TEST(Engine, HooksSeeAndReplaceGradients) {
  const Tensor x = leaf({2});
  const Tensor inner = mul(x, 3.0);
  std::vector<double> seen;
  register_hook(inner, [&](const Tensor& grad) {
    seen = values(grad);
    return mul(grad, 10.0);
  });
  const auto id = register_hook(x, [](const Tensor& grad) { return neg(grad); });
  sum(mul(inner, 2.0)).backward({}, true);
  EXPECT_EQ(seen, (std::vector<double>{2}));
  EXPECT_EQ(values(x.grad()), (std::vector<double>{-60}));
  remove_hook(x, id);
  sum(x).backward();
  EXPECT_EQ(values(x.grad()), (std::vector<double>{-59}));
}

TEST(Engine, RulesMayHaveSeveralResults) {
  const Tensor x = leaf({2, 3});
  const auto two = [&] {
    std::array results{mul(x.detach(), 2.0), mul(x.detach(), 5.0)};
    const std::array inputs{x};
    record("two", inputs, results, {}, [](auto, std::span<const Tensor> grads, Needs) {
      return std::vector<Tensor>{add(mul(grads[0], 2.0), mul(grads[1], 5.0))};
    });
    return results;
  };
  sum(two()[1]).backward();  // the other result's gradient arrives as zeros
  EXPECT_EQ(values(x.grad()), (std::vector<double>{5, 5}));
}

TEST(Engine, RulesWithWrongResultsAreNamed) {
  const Tensor x = leaf({2, 3});
  const Tensor y = record_one("wrong", {x}, mul(x.detach(), 2.0), [](auto, auto, Needs) {
    return std::vector<Tensor>{zeros({3}, DType::float64)};
  });
  try {
    sum(y).backward();
    FAIL();
  } catch (const ShapeError& error) {
    EXPECT_NE(std::string(error.what()).find("wrong"), std::string::npos);
  }
}

TEST(Engine, ThreadsMayRunBackwardAtOnce) {
  const Tensor w = leaf({1, 1});
  const auto work = [&] {
    for (int i = 0; i < 50; ++i) sum(mul(w, w)).backward();
  };
  std::thread one(work), two(work);
  one.join();
  two.join();
  EXPECT_EQ(values(w.grad()), (std::vector<double>{200, 200}));
}

TEST(Engine, CancelEndsBackwardBetweenNodes) {
  const Tensor x = leaf({1});
  Tensor y = x;
  for (int i = 0; i < 10; ++i) y = add(y, 0.0);
  request_cancel();
  EXPECT_THROW(y.backward(), Cancelled);
  clear_cancel();
  EXPECT_FALSE(x.grad().defined());
}

TEST(Engine, ARecordedPassSharesNoGradientEither) {
  const Tensor a = leaf({1, 2}), b = leaf({3, 4}), seed = leaf({5, 6});
  backward(std::array{add(a, b)}, std::array{seed}, {.create_graph = true});
  EXPECT_FALSE(a.grad().is_same(b.grad()));
  EXPECT_FALSE(a.grad().is_same(seed));
  const std::array wanted{seed};
  EXPECT_EQ(values(grad(std::array{sum(a.grad())}, wanted)[0]), (std::vector<double>{1, 1}));
}

TEST(Engine, WritesNoMemoryThatARuleLent) {
  const Tensor x = leaf({1, 2});
  std::vector<double> lent{3, 4};
  const Tensor y = record_one("lends", {x}, x.clone().detach(), [&](auto, auto, Needs) {
    return std::vector<Tensor>{Tensor::borrow(lent.data(), {2}, {1}, DType::float64, {}, {})};
  });
  sum(add(y, mul(x, 2.0))).backward();
  sum(x).backward();
  EXPECT_EQ(values(x.grad()), (std::vector<double>{6, 7}));
  EXPECT_EQ(lent, (std::vector<double>{3, 4}));
}

TEST(Engine, AddsToAGradientWhoseElementsShareMemory) {
  Tensor x = leaf({1, 2, 3});
  x.set_grad(ones({1}, DType::float64).expand({3}));
  sum(mul(x, x)).backward();
  EXPECT_EQ(values(x.grad()), (std::vector<double>{3, 5, 7}));
}

TEST(Engine, GivesNoGradientToALeafThatWasFrozenSince) {
  Tensor x = leaf({1, 2});
  const Tensor y = sum(mul(x, x));
  x.requires_grad_(false);
  y.backward();
  EXPECT_FALSE(x.grad().defined());
}

TEST(Engine, GradOfATensorByItselfNeedsNothingSaved) {
  const Tensor x = leaf({2});
  const std::array y{mul(x, x)};
  y[0].backward();
  EXPECT_EQ(values(grad(y, y)[0]), (std::vector<double>{1}));
}

TEST(Engine, HooksCanBeRemovedAfterAWriteInPlace) {
  const Tensor x = leaf({1, 2});
  Tensor y = mul(x, 2.0);
  int calls = 0;
  const auto id = register_hook(y, [&](const Tensor&) { return ++calls, Tensor(); });
  y.mul_(3.0);
  remove_hook(y, id);
  sum(y).backward();
  EXPECT_EQ(calls, 0);
}

TEST(Engine, UndefinedTensorsAndHooksAreErrors) {
  Tensor none;
  EXPECT_THROW(none.detach(), Error);
  EXPECT_THROW(none.is_leaf(), Error);
  EXPECT_THROW(none.set_grad({}), Error);
  EXPECT_THROW(remove_hook(none, 1), Error);
  EXPECT_THROW(register_hook(none, {}), Error);
  EXPECT_THROW(register_hook(leaf({1}), {}), Error);
}

}  // namespace
}  // namespace voxgrad
