#include <voxgrad/autograd/saved_tensor.h>

#include <gtest/gtest.h>

#include <thread>

#include <voxgrad/autograd/engine.h>
#include <voxgrad/autograd/functions/activation.h>
#include <voxgrad/autograd/functions/creation.h>
#include <voxgrad/autograd/functions/elementwise.h>
#include <voxgrad/autograd/functions/norm.h>
#include <voxgrad/autograd/functions/reduce.h>
#include <voxgrad/autograd/functions/shape.h>
#include <voxgrad/autograd/node.h>
#include <voxgrad/core/backend.h>
#include <voxgrad/core/error.h>

namespace voxgrad {
namespace {

std::vector<double> values(const Tensor& x) { return x.to_vector<double>(); }

/// x + 1 with a recipe for its result. `calls` counts the recomputations.
Tensor plus_one(const Tensor& x, int& calls) {
  Tensor result = add(x, 1.0);
  std::vector<SavedTensor> inputs;
  inputs.emplace_back(x);
  attach_recipe(result, std::move(inputs), [&calls](std::span<const Tensor> kept) {
    EXPECT_FALSE(grad_enabled());
    ++calls;
    return add(kept[0], 1.0);
  });
  return result;
}

/// x^2 whose rule saves x.
Tensor squared(const Tensor& x) {
  return record_one(
      "squared", {x}, mul(x.detach(), x.detach()),
      [](std::span<const Tensor> saved, std::span<const Tensor> grads, Needs) {
        return std::vector<Tensor>{mul(mul(saved[0], 2.0), grads[0])};
      },
      x);
}

TEST(SavedTensor, FailsLoudlyWhenItsTensorWasChanged) {
  const Tensor x = Tensor::from<double>({3}, {1}).requires_grad_();
  Tensor y = mul(x, 2.0);
  const Tensor z = squared(y);
  y.mul_(2.0);
  try {
    sum(z).backward();
    FAIL();
  } catch (const AutogradError& error) {
    EXPECT_NE(std::string(error.what()).find("squared"), std::string::npos);
  }
}

TEST(SavedTensor, SeesWritesThroughViewsAndDetachedHandles) {
  for (const bool detached : {false, true}) {
    const Tensor x = Tensor::from<double>({3, 4}, {2}).requires_grad_();
    const Tensor y = mul(x, 2.0);
    const Tensor z = squared(y);
    Tensor handle = detached ? y.detach() : y.narrow(0, 0, 1);
    handle.fill_(1);
    EXPECT_THROW(sum(z).backward(), AutogradError);
  }
}

TEST(SavedTensor, AResultSavedByItsOwnNodeLeaksNothing) {
  const std::size_t before = backend({}).memory_stats().current;
  {
    const Tensor x = ones({1000}, DType::float64).requires_grad_();
    Tensor y = sigmoid(x);  // saves its result
    EXPECT_TRUE(y.requires_grad());
  }
  EXPECT_EQ(backend({}).memory_stats().current, before);
}

TEST(SavedTensor, WithDataKeepsThePlaceInTheGraph) {
  const Tensor x = Tensor::from<double>({3}, {1}).requires_grad_();
  std::array results{mul(x.detach(), x.detach())};
  const std::array inputs{x};
  std::vector<SavedTensor> saved;
  saved.push_back(SavedTensor::with_data(x, x.detach().clone()));
  record("squared", inputs, results, std::move(saved), [](auto kept, auto grads, Needs) {
    return std::vector<Tensor>{mul(mul(kept[0], 2.0), grads[0])};
  });
  const auto first = grad(results, inputs, {}, {.create_graph = true});
  EXPECT_EQ(values(grad(first, inputs)[0]), (std::vector<double>{2}));
}

TEST(Recipe, RecomputesInsteadOfKeeping) {
  const Tensor x = ones({100'000}, DType::float64).requires_grad_();
  int calls = 0;
  const std::size_t before = backend({}).memory_stats().current;
  Tensor y = plus_one(x, calls);
  const Tensor z = sum(squared(y));
  y = {};
  EXPECT_LT(backend({}).memory_stats().current - before, 100'000u);  // nothing of y's size is kept
  z.backward();
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(values(x.grad())[7], 4);
}

TEST(Recipe, IsComputedOnceForAllConsumersOfOneBackward) {
  const Tensor x = Tensor::from<double>({2}, {1}).requires_grad_();
  int calls = 0;
  const Tensor y = plus_one(x, calls);
  const Tensor z = sum(add(squared(y), squared(y)));
  z.backward({}, true);
  EXPECT_EQ(calls, 1);
  z.backward();
  EXPECT_EQ(calls, 2);
  EXPECT_EQ(values(x.grad()), (std::vector<double>{24}));
}

/// What one consumer does to its value must not reach another.
TEST(Recipe, IsComputedAgainWhereAConsumerWroteIntoTheValue) {
  for (const bool unseen : {false, true}) {
    const Tensor x = Tensor::from<double>({2}, {1}).requires_grad_();
    int calls = 0;
    const Tensor y = plus_one(x, calls);
    const SavedTensor first(y), second(y);
    const RecomputeScope scope;
    const Tensor value = first.unpack("test").detach();
    if (unseen) value.impl()->storage()->mark_shown();
    else Tensor(value).mul_(100.0);
    EXPECT_EQ(values(second.unpack("test").detach()), (std::vector<double>{3}));
    EXPECT_EQ(calls, 2);
  }
}

TEST(Recipe, GoesWithTheNodeOfACat) {
  const Tensor x = ones({2, 3, 1000}, DType::float64).requires_grad_();
  const Tensor weight = ones({3}, DType::float64).requires_grad_();
  Tensor held;
  const std::size_t before = backend({}).memory_stats().current;
  {
    const Tensor y = mul(x, 2.0);
    held = cat({batch_norm(y, {.weight = weight, .training = true}), mul(x, 3.0)}, 1);
  }
  sum(held).backward();
  // The joined tensor and the gradients; none of its parts.
  EXPECT_LE(backend({}).memory_stats().current - before, std::size_t(12000 + 6000 + 200) * 8);
}

TEST(Recipe, OfACatComputesOnePartAtATime) {
  constexpr std::size_t kPart = 100'000 * sizeof(double);
  const Tensor x = ones({100'000}, DType::float64).requires_grad_();
  int calls = 0;
  Tensor y = cat({plus_one(x, calls), plus_one(x, calls), x * 2.0});
  const SavedTensor saved(y);
  y = {};
  const std::size_t before = backend({}).memory_stats().current;
  backend({}).reset_peak_memory_stats();
  const Tensor whole = saved.unpack("test");
  EXPECT_EQ(calls, 2);
  EXPECT_LT(backend({}).memory_stats().peak - before, 4 * kPart + kPart / 2);
  EXPECT_EQ(values(whole)[150'000], 2);
  EXPECT_EQ(values(whole)[250'000], 2);
}

// Each joins what was joined so far, on either side, and one part more.
TEST(Recipe, OfACatOfCatsHoldsFewOfThem) {
  constexpr std::size_t kPart = 10'000 * sizeof(double);
  constexpr int kLevels = 20;
  const Tensor x = ones({10'000}, DType::float64).requires_grad_();
  int calls = 0;
  for (const bool in_front : {false, true}) {
    Tensor y = plus_one(x, calls);
    for (int i = 1; i < kLevels; ++i) {
      const Tensor part = plus_one(x, calls);
      y = in_front ? cat({part, y}) : cat({y, part});
    }
    const SavedTensor saved(y);
    y = {};
    const std::size_t before = backend({}).memory_stats().current;
    backend({}).reset_peak_memory_stats();
    saved.unpack("test");
    EXPECT_LT(backend({}).memory_stats().peak - before, 3 * kLevels * kPart) << in_front;
  }
}

TEST(Recipe, DoesNotHoldWhereMemoryWasShown) {
  const Tensor x = ones({2}, DType::float64).requires_grad_();
  int calls = 0;
  const Tensor y = plus_one(x, calls);
  EXPECT_TRUE(has_recipe(y));
  y.impl()->storage()->mark_shown();
  EXPECT_FALSE(has_recipe(y));
}

TEST(Recipe, MayBeReadWhileAnotherThreadsBackwardDropsIt) {
  for (int round = 0; round < 50; ++round) {
    std::vector<Tensor> chain = {ones({8}, DType::float64).requires_grad_() * 2.0};
    for (int i = 0; i < 40; ++i) chain.push_back(leaky_relu(chain.back()));
    const Tensor loss = sum(chain.back());
    std::thread backward([&] { loss.backward(); });
    for (auto y = chain.rbegin(); y != chain.rend(); ++y) mul(*y, *y);
    backward.join();
  }
}

TEST(Recipe, OfACatHoldsNothingThatIsOftenChanged) {
  const Tensor x = ones({2, 3, 4}, DType::float64).requires_grad_();
  const Tensor weight = ones({3}, DType::float64).requires_grad_();
  Tensor buffer = ones({2, 3, 4}, DType::float64);
  const Tensor y = batch_norm(x, {.weight = weight, .training = true});
  const Tensor z = squared(cat({y, buffer}, 1));
  buffer.fill_(5);  // legal: cat has copied it
  EXPECT_NO_THROW(sum(z).backward());

  const Tensor token = ones({3, 1}, DType::float64).requires_grad_();
  const Tensor joined = squared(
      cat({batch_norm(x, {.weight = weight, .training = true}), token.expand({2, 3, 1})}, 2));
  Tensor(token.detach()).fill_(5);
  EXPECT_NO_THROW(sum(joined).backward());
}

/// Bytes, in tensors of `size` elements, that the graph of f(x) keeps beside x * 2.
template <typename F>
double kept_behind(Index size, const F& f) {
  const Tensor x = ones({1, 2, size / 2}, DType::float64).requires_grad_();
  const std::size_t before = backend({}).memory_stats().current;
  const Tensor y = sum(f(x * 2.0));
  const auto bytes = static_cast<double>(backend({}).memory_stats().current - before);
  return bytes / static_cast<double>(size) / sizeof(double) - 1;
}

TEST(Recipe, OfAnActivationReadsWhatItsRuleKeeps) {
  EXPECT_LT(kept_behind(10'000, [](const Tensor& x) { return squared(leaky_relu(x)); }), 0.1);
  const Tensor slope = ones({1}, DType::float64);
  EXPECT_LT(kept_behind(10'000, [&](const Tensor& x) { return squared(prelu(x, slope)); }), 0.1);
}

TEST(Recipe, IsNotMadeForExponentials) {
  const Tensor x = ones({3}, DType::float64).requires_grad_() * 2.0;
  EXPECT_FALSE(has_recipe(gelu(x)));
  EXPECT_FALSE(has_recipe(silu(x)));
  EXPECT_FALSE(has_recipe(softplus(x)));
}

/// x + 1 whose rule saves the result.
Tensor kept(const Tensor& x) {
  const Tensor result = add(x.detach(), 1.0);
  return record_one(
      "kept", {x}, result,
      [](std::span<const Tensor>, std::span<const Tensor> grads, Needs) {
        return std::vector<Tensor>{grads[0]};
      },
      result);
}

/// Most bytes, in tensors of `size` elements, that the gradient of `loss` takes beside its graph.
double taken_by_gradient(Index size, const Tensor& loss) {
  backend({}).reset_peak_memory_stats();
  const std::size_t before = backend({}).memory_stats().current;
  loss.backward();
  const auto bytes = static_cast<double>(backend({}).memory_stats().peak - before);
  return bytes / static_cast<double>(size) / sizeof(double);
}

/// It keeps x where the graph has x, and its result where x would be computed again too.
TEST(Recipe, OfLeakyReluIsNotComputedBesideX) {
  const Index size = 10'000;
  const auto leaf = [&] { return ones({size}, DType::float64).requires_grad_(); };
  int calls = 0;
  EXPECT_LT(taken_by_gradient(size, sum(leaky_relu(kept(leaf())))), 1.1);
  EXPECT_LT(taken_by_gradient(size, sum(squared(leaky_relu(plus_one(leaf(), calls))))), 3.1);
}

/// Its result is kept by a recipe, which was made before the result changed; or x is.
TEST(Recipe, OfLeakyReluLetsTheResultBeChanged) {
  for (const double slope : {0.1, -0.1}) {
    const Tensor x = Tensor::from<double>({-3, 2}, {2}).requires_grad_();
    int calls = 0;
    Tensor y = leaky_relu(plus_one(x, calls), slope);
    y.mul_(2.0);
    sum(y).backward();
    EXPECT_EQ(values(x.grad()), (std::vector<double>{2 * slope, 2}));
    EXPECT_EQ(calls, 1);
  }
}

/// A part that no rule keeps may be changed after it was joined to one that a rule keeps.
TEST(Recipe, OfACatIsNotMadeForOnePartThatARuleKeeps) {
  const Tensor x = ones({2, 3}, DType::float64).requires_grad_();
  Tensor part = x * 2.0;
  const Tensor joined = squared(cat({sigmoid(x), part}, 1));
  part.mul_(3.0);
  EXPECT_NO_THROW(sum(joined).backward());
}

TEST(Recipe, OfPadAndCatReadsWhatARuleKeeps) {
  const std::vector<Index> amounts = {1, 1};
  EXPECT_LT(kept_behind(10'000, [&](const Tensor& x) { return squared(pad(relu(x), amounts)); }),
            0.1);
  EXPECT_LT(kept_behind(10'000,
                        [](const Tensor& x) {
                          return squared(cat({relu(x), sigmoid(x)}, 1));
                        }),
            1.1);
}

TEST(Recipe, IsComputedAgainRatherThanKeptForAFarConsumer) {
  const Index size = 100'000;
  const Tensor x = ones({size}, DType::float64).requires_grad_();
  int calls = 0;
  std::size_t held = 0;
  Tensor loss;
  {
    const Tensor y = plus_one(x, calls);
    Tensor chain = sum(squared(y));  // one consumer at the start of the graph
    for (int i = 0; i < 20; ++i) chain = mul(chain, 1.0);
    register_hook(chain, [&](const Tensor&) {
      held = backend({}).memory_stats().current;
      return Tensor();
    });
    loss = add(sum(squared(y)), chain);  // and one at its end
  }
  backend({}).reset_peak_memory_stats();
  const std::size_t before = backend({}).memory_stats().current;
  loss.backward();
  EXPECT_EQ(calls, 2);
  EXPECT_LT(held - before, std::size_t(size) * sizeof(double) * 3 / 2);  // the gradient, not y
  EXPECT_EQ(values(x.grad())[3], 8);
}

TEST(Recipe, NestedRecipesAreNotExponential) {
  Tensor x = Tensor::from<double>({0.0}, {1}).requires_grad_();
  int calls = 0;
  Tensor y = x, total = sum(squared(x));
  for (int i = 0; i < 40; ++i) {
    y = plus_one(y, calls);
    total = add(total, sum(add(squared(y), squared(y))));
  }
  total.backward();
  EXPECT_LE(calls, 80);
  double expected = 0;
  for (int i = 1; i <= 40; ++i) expected += 4.0 * i;
  EXPECT_EQ(values(x.grad()), (std::vector<double>{expected}));
}

TEST(Recipe, LongChainsUnpackWithoutRecursion) {
  const Tensor x = Tensor::from<double>({0.0}, {1}).requires_grad_();
  int calls = 0;
  Tensor y = x;
  for (int i = 0; i < 20'000; ++i) y = plus_one(y, calls);
  sum(squared(y)).backward();
  EXPECT_EQ(calls, 20'000);
  EXPECT_EQ(values(x.grad()), (std::vector<double>{40'000}));
}

TEST(Recipe, HoldsOnlyAtTheVersionOfItsAttachment) {
  const Tensor x = Tensor::from<double>({2}, {1}).requires_grad_();
  int calls = 0;
  Tensor y = plus_one(x, calls);
  y.mul_(2.0);
  sum(squared(y)).backward();
  EXPECT_EQ(calls, 0);
  EXPECT_EQ(values(x.grad()), (std::vector<double>{24}));
}

TEST(Recipe, OfAnInPlaceOperationComposesWithTheInputs) {
  const Tensor x = Tensor::from<double>({2}, {1}).requires_grad_();
  int calls = 0;
  Tensor y = plus_one(x, calls);
  {
    std::vector<SavedTensor> old;
    old.emplace_back(y);  // takes y's recipe
    y.mul_(3.0);
    attach_recipe(y, std::move(old),
                  [](std::span<const Tensor> kept) { return mul(kept[0], 3.0); });
  }
  sum(squared(y)).backward();
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(values(x.grad()), (std::vector<double>{54}));
}

TEST(Recipe, OnePathsFreedSavesDoNotHarmAnother) {
  const Tensor x = Tensor::from<double>({2}, {1}).requires_grad_();
  int calls = 0;
  const Tensor y = plus_one(x, calls);
  const Tensor a = sum(squared(y)), b = sum(squared(y));
  a.backward();
  b.backward();
  EXPECT_EQ(values(x.grad()), (std::vector<double>{12}));
}

TEST(Recipe, GoesWithItsNodesRelease) {
  const Tensor x = ones({100'000}, DType::float64).requires_grad_();
  Tensor y;
  {
    const Tensor inner = mul(x, 2.0);
    y = squared(inner);
    std::vector<SavedTensor> inputs;
    inputs.emplace_back(inner);
    attach_recipe(y, std::move(inputs),
                  [](std::span<const Tensor> kept) { return mul(kept[0], kept[0]); });
  }
  const std::size_t before = backend({}).memory_stats().current;
  sum(y).backward();
  // x's gradient came, the inner tensor went: y, which is still held, keeps it no longer.
  EXPECT_LE(backend({}).memory_stats().current, before);
}

}  // namespace
}  // namespace voxgrad
