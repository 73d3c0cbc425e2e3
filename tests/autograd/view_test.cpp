// Views, in-place operations and how they rewrite history.
#include <gtest/gtest.h>

#include <limits>

#include <voxgrad/autograd/engine.h>
#include <voxgrad/autograd/functions/creation.h>
#include <voxgrad/autograd/functions/elementwise.h>
#include <voxgrad/autograd/functions/reduce.h>
#include <voxgrad/autograd/functions/shape.h>
#include <voxgrad/autograd/functions/softmax.h>
#include <voxgrad/autograd/grad_mode.h>
#include <voxgrad/autograd/gradcheck.h>
#include <voxgrad/core/error.h>

namespace voxgrad {
namespace {

std::vector<double> values(const Tensor& x) { return x.to_vector<double>(); }

Tensor counting(Shape shape) {
  const Index count = element_count(shape);
  return arange(0, count, 1, DType::float64).reshape(shape).clone();
}

/// gradcheck and gradgradcheck at plain, channels-last and strided inputs.
void check(const TensorFunction& f, Shape shape) {
  Tensor plain = counting(shape);
  plain.mul_(0.37);
  std::vector<Tensor> inputs{plain, plain.detach().channels_last().clone()};
  for (const Tensor& input : inputs) {
    Tensor leaf = input.detach();
    leaf.requires_grad_();
    gradcheck(f, {leaf});
    gradgradcheck(f, {leaf});
  }
}

std::vector<Tensor> cubed(const Tensor& x) { return {mul(mul(x, x), x)}; }

TEST(View, EveryViewDifferentiatesTwice) {
  const Shape shape{2, 3, 4, 5};
  check([](auto x) { return cubed(x[0].permute({3, 0, 2, 1})); }, shape);
  check([](auto x) { return cubed(x[0].transpose(1, -1)); }, shape);
  check([](auto x) { return cubed(x[0].narrow(2, 1, 2)); }, shape);
  check([](auto x) { return cubed(x[0].slice(2, 1, 2, 2)); }, shape);
  check([](auto x) { return cubed(x[0].slice(0, -2, 2).slice(3, 0, 2, 4)); }, shape);
  check([](auto x) { return cubed(x[0].diagonal()); }, shape);
  check([](auto x) { return cubed(x[0].diagonal(-1, 3, 1)); }, shape);
  check([](auto x) { return cubed(x[0].unfold(3, 3, 1)); }, shape);
  check([](auto x) { return cubed(x[0].unfold(3, 2, 3).unfold(2, 3, 1)); }, shape);
  check(
      [](auto x) {
        return cubed(x[0].unsqueeze(1).expand({2, 2, 3, 4, 5}).unfold(4, 4, 1));
      },
      shape);
  check([](auto x) { return cubed(x[0].select(1, -1)); }, shape);
  check([](auto x) { return cubed(x[0].reshape({6, -1})); }, shape);
  check([](auto x) { return cubed(x[0].flatten(1, 2)); }, shape);
  check([](auto x) { return cubed(x[0].unsqueeze(2).expand({2, 3, 2, 4, 5})); }, shape);
  check([](auto x) { return cubed(x[0].contiguous()); }, shape);
  check([](auto x) { return cubed(x[0].channels_last()); }, shape);
  check([](auto x) { return cubed(x[0].clone()); }, shape);
  check([](auto x) { return cubed(flip(x[0], {0, 3})); }, shape);
  check([](auto x) { return cubed(cat({x[0], mul(x[0], 2.0)}, 1)); }, shape);
  check([](auto x) { return cubed(stack({x[0], mul(x[0], 2.0)}, -1)); }, shape);
  check([](auto x) { return cubed(pad(x[0], {1, 2, 0, 1})); }, shape);
  check([](auto x) { return cubed(pad(x[0], {-1, 2}, PadMode::constant, 3)); }, shape);
  for (const PadMode mode : {PadMode::reflect, PadMode::replicate, PadMode::circular})
    check([mode](auto x) { return cubed(pad(x[0], {3, 1, 2, 0}, mode)); }, shape);
}

TEST(View, AliasesItsBase) {
  Tensor x = counting({2, 3});
  Tensor row = x.select(0, 1);
  row.fill_(9);
  EXPECT_EQ(values(x), (std::vector<double>{0, 1, 2, 9, 9, 9}));
  EXPECT_EQ(values(x.transpose(0, 1)), (std::vector<double>{0, 9, 1, 9, 2, 9}));
}

TEST(View, PartsFollowTheirDefinition) {
  const Tensor x = counting({3, 5});
  EXPECT_EQ(values(x.slice(1, 1, 2, 3)), (std::vector<double>{1, 4, 6, 9, 11, 14}));
  EXPECT_EQ(x.slice(1, 5, 0, 2).shape(), (Shape{3, 0}));
  EXPECT_EQ(values(x.diagonal()), (std::vector<double>{0, 6, 12}));
  EXPECT_EQ(values(x.diagonal(3)), (std::vector<double>{3, 9}));
  EXPECT_EQ(values(x.diagonal(1, 1, 0)), (std::vector<double>{5, 11}));
  EXPECT_EQ(x.diagonal(-9).shape(), Shape{0});
  EXPECT_EQ(counting({2, 3, 4}).diagonal(0, 0, 2).shape(), (Shape{3, 2}));
  EXPECT_EQ(values(x.select(0, 1).unfold(0, 3, 2)), (std::vector<double>{5, 6, 7, 7, 8, 9}));
  EXPECT_EQ(x.unfold(0, 2, 7).shape(), (Shape{1, 5, 2}));
  EXPECT_EQ(counting({}).unfold(0, 1, 1).shape(), Shape{1});
  EXPECT_EQ(counting({1, 2, 1, 3}).squeeze().shape(), (Shape{2, 3}));
  Tensor y = counting({2, 3});
  y.slice(1, 0, 2, 2).fill_(9);
  y.diagonal(1).fill_(7);
  EXPECT_EQ(values(y), (std::vector<double>{9, 7, 9, 9, 4, 7}));
}

TEST(View, WindowsSeeWritesToTheirBase) {
  const Tensor x = counting({4}).requires_grad_();
  Tensor y = mul(x, 1.0);
  const Tensor windows = y.unfold(0, 2, 1);
  y.mul_(2.0);
  sum(windows).backward();
  EXPECT_EQ(values(x.grad()), (std::vector<double>{2, 4, 4, 2}));
}

TEST(View, LaysAnUnsharedChannelsLastTensorOutPlainOnce) {
  Tensor x = counting({2, 3, 2, 2}).channels_last().clone();
  ASSERT_FALSE(x.is_contiguous());
  const std::vector<double> expected = values(x);
  Tensor flat = x.view({2, -1});
  EXPECT_TRUE(x.is_contiguous());
  EXPECT_EQ(values(flat), expected);
  flat.fill_(1);
  EXPECT_EQ(values(x), std::vector<double>(24, 1.0));  // still a view
}

TEST(View, ThrowsWhereOthersShareTheChannelsLastStorage) {
  const Tensor x = counting({2, 3, 2, 2}).channels_last().clone();
  const Tensor other = x.detach();
  EXPECT_THROW(x.view({2, 12}), ShapeError);
  EXPECT_EQ(values(x.reshape({2, 12})), values(x));
}

TEST(View, RelayingDoesNotHarmWhatWasSaved) {
  const Tensor x = counting({2, 3, 2, 2}).channels_last().clone().requires_grad_();
  const Tensor y = mul(x, 1.0);
  const Tensor z = mul(y, y);  // saves y
  sum(mul(y.view({24}), 2.0)).backward({}, true);
  sum(z).backward();
  EXPECT_EQ(values(x.grad())[5], 2 + 2 * 5);
}

TEST(View, WrongArgumentsAreErrors) {
  const Tensor x = counting({2, 3});
  EXPECT_THROW(x.view({4}), ShapeError);
  EXPECT_THROW(x.view({-1, -1}), ShapeError);
  EXPECT_THROW(x.permute({0, 0}), ShapeError);
  EXPECT_THROW(x.permute({0}), ShapeError);
  EXPECT_THROW(x.transpose(0, 2), IndexError);
  EXPECT_THROW(x.narrow(1, 2, 2), ShapeError);
  EXPECT_THROW(x.narrow(1, 5, 0), IndexError);
  EXPECT_THROW(x.narrow(1, 1, INT64_MAX), ShapeError);
  EXPECT_THROW(x.slice(1, 0, 2, 0), ShapeError);
  EXPECT_THROW(x.slice(1, 0, 3, 2), ShapeError);
  EXPECT_THROW(x.slice(1, 0, 3, INT64_MAX), ShapeError);
  EXPECT_THROW(x.slice(1, 4, 2, 2), IndexError);
  EXPECT_THROW(x.diagonal(0, 1, -1), ShapeError);
  EXPECT_THROW(x.diagonal(0, 0, 2), IndexError);
  EXPECT_THROW(x.unfold(1, 4, 1), ShapeError);
  EXPECT_THROW(x.unfold(1, 2, 0), ShapeError);
  EXPECT_THROW(x.select(0, 2), IndexError);
  EXPECT_THROW(x.expand({4, 3}), ShapeError);
  EXPECT_THROW(x.expand({3}), ShapeError);
  EXPECT_THROW(cat({x, counting({3, 2})}, 0), ShapeError);
  EXPECT_THROW(cat(std::span<const Tensor>{}, 0), ShapeError);
  EXPECT_THROW(pad(x, {3, 0}, PadMode::reflect), ShapeError);
  EXPECT_THROW(pad(x, {4, 0}, PadMode::circular), ShapeError);
  EXPECT_THROW(pad(x, {-1, 0}, PadMode::replicate), ShapeError);
  EXPECT_THROW(pad(x, {-2, -2}), ShapeError);
  EXPECT_THROW(pad(x, {1}), ShapeError);
  EXPECT_THROW(flip(x, {0, 0}), ShapeError);
}

TEST(Cat, TakesTheDTypeThatHoldsAllAndLeavesEmptyVectorsOut) {
  const Tensor floats = ones({2, 3}, DType::float32).requires_grad_();
  const Tensor joined = cat({zeros({0}, DType::int64), floats, counting({1, 3})}, 0);
  EXPECT_EQ(joined.dtype(), DType::float64);
  EXPECT_EQ(joined.shape(), (Shape{3, 3}));
  sum(joined).backward();
  EXPECT_EQ(floats.grad().dtype(), DType::float32);
  EXPECT_EQ(cat({zeros({0}), zeros({0})}).shape(), Shape{0});
  EXPECT_EQ(stack({ones({}), ones({}, DType::float64)}).dtype(), DType::float64);
}

TEST(View, RankZeroHasAxisZero) {
  const Tensor x = Tensor::from<double>({3}, {});
  EXPECT_EQ(x.transpose(0, -1).shape(), Shape{});
  EXPECT_EQ(flip(x, {0}).item(), 3);
  EXPECT_EQ(softmax(x, -1).item(), 1);
  EXPECT_THROW(x.transpose(0, 1), IndexError);
  EXPECT_THROW(flip(x, {1}), IndexError);
  EXPECT_THROW(softmax(x, 1), IndexError);
}

TEST(Chunk, OfNothingHasALimit) {
  EXPECT_EQ(chunk(zeros({0, 3}), 4).size(), 4U);
  EXPECT_THROW(chunk(zeros({0, 3}), Index{1} << 40), ShapeError);
}

TEST(InPlace, OfANonLeafDifferentiates) {
  check(
      [](auto x) {
        Tensor y = mul(x[0], 1.0);
        y.mul_(x[0]);
        y.add_(x[0], 0.5);
        y.mul_(3.0);
        return cubed(y);
      },
      {2, 3, 2});
}

TEST(InPlace, IndexedWritesDifferentiateIntoBaseAndSource) {
  const auto f = [](std::span<const Tensor> x) {
    Tensor canvas = mul(x[0], 1.0);
    canvas.select(1, 0).copy_(x[1]);
    canvas.narrow(2, 1, 2).mul_(x[1].unsqueeze(2).narrow(1, 0, 1));
    return std::vector<Tensor>{mul(canvas, canvas)};
  };
  Tensor base = counting({2, 3, 4});
  base.mul_(0.1);
  for (const bool channels_last : {false, true}) {
    Tensor x = channels_last ? base.channels_last().clone() : base.clone();
    Tensor source = counting({2, 4});
    source.mul_(0.3);
    x.requires_grad_();
    source.requires_grad_();
    gradcheck(f, {x, source});
    gradgradcheck(f, {x, source});
  }
}

TEST(InPlace, WritesIntoAFreshTensorJoinItToTheGraph) {
  const Tensor x = counting({3}).requires_grad_();
  Tensor canvas = zeros({2, 3}, DType::float64);
  Tensor first = canvas.select(0, 0), both = canvas.view({6});
  first.copy_(mul(x, 2.0));
  EXPECT_TRUE(canvas.requires_grad());
  EXPECT_TRUE(both.requires_grad());  // another view of the same base
  sum(mul(both, both)).backward();
  EXPECT_EQ(values(x.grad()), (std::vector<double>{0, 8, 16}));
}

TEST(InPlace, WritesToTheBaseReachEarlierViews) {
  const Tensor x = counting({4}).requires_grad_();
  Tensor y = mul(x, 1.0);
  const Tensor view = y.narrow(0, 1, 2);
  y.mul_(5.0);
  sum(view).backward();
  EXPECT_EQ(values(x.grad()), (std::vector<double>{0, 5, 5, 0}));
}

TEST(InPlace, ExpandedViewsSeeWritesToTheirBase) {
  const Tensor x = counting({2}).requires_grad_();
  Tensor y = mul(x, 1.0);
  const Tensor wide = y.unsqueeze(0).expand({3, 2});
  y.mul_(2.0);
  sum(wide).backward();
  EXPECT_EQ(values(x.grad()), (std::vector<double>{6, 6}));
}

TEST(InPlace, FillCutsTheGradient) {
  const Tensor x = counting({4}).requires_grad_();
  Tensor y = mul(x, 1.0);
  y.narrow(0, 0, 2).fill_(7);
  sum(y).backward();
  EXPECT_EQ(values(x.grad()), (std::vector<double>{0, 0, 1, 1}));
}

TEST(InPlace, AFunctionsOwnSavedResultSurvivesInAView) {
  const Tensor x = counting({4}).requires_grad_();
  const std::array inputs{x};
  Tensor y = mul(x, 1.0);
  Tensor part = y.narrow(0, 1, 2);
  relu_(part);
  const std::array z{sum(mul(y, y))};
  const auto first = grad(z, inputs, {}, {.create_graph = true});
  const std::array again{sum(first[0])};
  EXPECT_EQ(values(grad(again, inputs)[0]), (std::vector<double>{2, 2, 2, 2}));
}

TEST(InPlace, OverlappingSourcesAreReadBeforeTheyAreWritten) {
  Tensor x = counting({4});
  x.narrow(0, 1, 3).copy_(x.narrow(0, 0, 3));
  EXPECT_EQ(values(x), (std::vector<double>{0, 0, 1, 2}));
}

TEST(InPlace, RefusesWhatItCannotDifferentiate) {
  Tensor leaf = counting({3}).requires_grad_();
  EXPECT_THROW(leaf.fill_(1), AutogradError);
  EXPECT_THROW(leaf.narrow(0, 0, 1).fill_(1), AutogradError);
  EXPECT_EQ(values(leaf), (std::vector<double>{0, 1, 2}));  // nothing was written
  Tensor wide = counting({1}).expand({3});
  EXPECT_THROW(wide.fill_(1), ShapeError);
  Tensor y = mul(leaf, 1.0), cut;
  {
    const NoGrad guard;
    leaf.fill_(4);
    cut = y.narrow(0, 0, 1);
  }
  EXPECT_THROW(cut.fill_(1), AutogradError);
  EXPECT_THROW(y.add_(counting({2, 3})), ShapeError);
  EXPECT_THROW(y.copy_(counting({2})), ShapeError);
}

TEST(InPlace, RefusesALeafThatIsAView) {
  const Tensor base = counting({3});
  Tensor leaf = base.narrow(0, 0, 2);
  leaf.requires_grad_();
  EXPECT_THROW(leaf.fill_(1), AutogradError);
  EXPECT_THROW(leaf.narrow(0, 0, 1).fill_(1), AutogradError);
  EXPECT_EQ(values(base), (std::vector<double>{0, 1, 2}));
}

TEST(InPlace, RefusesAViewOfElementsThatShareMemoryWhileRecording) {
  Tensor wide = counting({1}).expand({3}).detach();
  const Tensor source = counting({1}).requires_grad_();
  Tensor one = wide.narrow(0, 0, 1);
  EXPECT_THROW(one.add_(source), ShapeError);
  EXPECT_EQ(values(one.add_(source.detach())), (std::vector<double>{0}));
}

TEST(InPlace, ASourceThatOverlapsTheTargetSeesTheWrite) {
  check(
      [](auto x) {
        Tensor y = mul(x[0], 1.0);
        const Tensor low = y.narrow(1, 0, 2);
        Tensor high = y.narrow(1, 1, 2);
        high.add_(low);
        return cubed(low);
      },
      {2, 3});
  check(
      [](auto x) {
        Tensor y = mul(x[0], 1.0);
        const Tensor view = y.view({6});
        y.add_(view.view({2, 3}));
        return cubed(view);
      },
      {2, 3});
}

TEST(InPlace, GradientsComeInTheirTensorsDtypes) {
  const Tensor x = ones({2}, DType::float32).requires_grad_();
  const Tensor factor = counting({2}).requires_grad_();
  Tensor y = mul(x, 3.0);
  y.mul_(factor).add_(factor);
  sum(y).backward();
  EXPECT_EQ(x.grad().to_vector<float>(), (std::vector<float>{0, 3}));
  EXPECT_EQ(values(factor.grad()), (std::vector<double>{4, 4}));
}

TEST(InPlace, IntegersTakeValuesWithoutAGraph) {
  Tensor x = zeros({2}, DType::int64);
  x.copy_(ones({2}, DType::float64).requires_grad_());
  EXPECT_FALSE(x.requires_grad());
  EXPECT_EQ(x.to_vector<std::int64_t>(), (std::vector<std::int64_t>{1, 1}));
}

TEST(InPlace, IntegersTakeNoFractions) {
  Tensor x = arange(3);
  EXPECT_THROW(x.mul_(0.5), DTypeError);
  EXPECT_THROW(x.mul_(counting({3})), DTypeError);
  EXPECT_THROW(x.add_(counting({3})), DTypeError);
  EXPECT_THROW(x.add_(x, 0.5), DTypeError);
  EXPECT_THROW(zeros({3}, DType::boolean).mul_(x), DTypeError);
  x.mul_(2.0).add_(ones({3}, DType::uint8), 3);
  EXPECT_EQ(x.to_vector<std::int64_t>(), (std::vector<std::int64_t>{3, 5, 7}));
  EXPECT_EQ(values(counting({3}).mul_(x)), (std::vector<double>{0, 5, 14}));
}

TEST(View, MadeBeforeItsBaseWantedAGradientLeadsThere) {
  Tensor base = counting({3});
  const Tensor view = base.narrow(0, 1, 2);
  base.requires_grad_();
  sum(mul(view, view)).backward();
  EXPECT_EQ(values(base.grad()), (std::vector<double>{0, 2, 4}));
}

TEST(View, NeverLeavesMemoryThatWasLent) {
  std::vector<double> memory(24);
  const Tensor lent =
      Tensor::borrow(memory.data(), {1, 2, 3, 4}, {24, 1, 8, 2}, DType::float64, {}, {});
  EXPECT_THROW(lent.view({24}), ShapeError);
  EXPECT_EQ(lent.raw(), memory.data());
}

TEST(View, KeepsTheGradientOfItsBaseOnRequest) {
  const Tensor x = counting({2}).requires_grad_();
  Tensor canvas = zeros({2}, DType::float64), view = canvas.view({2});
  canvas.copy_(x);
  EXPECT_THROW(view.requires_grad_(false), AutogradError);
  sum(view.requires_grad_()).backward();
  EXPECT_EQ(values(x.grad()), (std::vector<double>{1, 1}));
}

TEST(Pad, RefusesAmountsWhoseSumsWouldOverflow) {
  constexpr Index kMost = std::numeric_limits<Index>::max();
  const Tensor x = zeros({2, 3});
  EXPECT_THROW(pad(x, {kMost, kMost}), ShapeError);
  EXPECT_THROW(pad(x, {kMost, -kMost}), ShapeError);
  EXPECT_THROW(pad(x, {1, kMost}, PadMode::replicate), ShapeError);
}

TEST(Split, RefusesSizesWhoseSumWouldOverflow) {
  constexpr Index kMost = std::numeric_limits<Index>::max();
  EXPECT_THROW(split(zeros({2, 3}), std::vector<Index>{kMost, kMost, 4}), ShapeError);
  EXPECT_THROW(split(zeros({2, 3}), std::vector<Index>{3, -1}), ShapeError);
}

}  // namespace
}  // namespace voxgrad
