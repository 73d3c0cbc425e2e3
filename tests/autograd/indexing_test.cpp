#include <voxgrad/autograd/functions/indexing.h>

#include <gtest/gtest.h>

#include <voxgrad/autograd/functions/creation.h>
#include <voxgrad/autograd/functions/elementwise.h>
#include <voxgrad/autograd/functions/reduce.h>
#include <voxgrad/autograd/functions/shape.h>
#include <voxgrad/autograd/gradcheck.h>
#include <voxgrad/core/error.h>

#include "tests/ops/layouts.h"

namespace voxgrad {
namespace {

using namespace voxgrad::testing;
using Integers = std::vector<std::int64_t>;

Tensor counting(const Shape& shape) {
  return arange(0, static_cast<double>(element_count(shape)), 1, DType::float64).reshape(shape);
}

Tensor leaf(const Shape& shape, Layout layout = Layout::plain) {
  Tensor x = numbers(shape, DType::float64, layout);
  x.mul_(0.37);
  return x.requires_grad_();
}

Tensor integers(const Integers& values) {
  return Tensor::from(values, {static_cast<Index>(values.size())});
}

void check(const TensorFunction& f, const std::vector<Tensor>& inputs) {
  gradcheck(f, inputs);
  gradgradcheck(f, inputs);
}

std::vector<Tensor> cubed(const Tensor& x) { return {mul(mul(x, x), x)}; }

TEST(Indexing, ResultAxesLieWherePyTorchPutsThem) {
  const Tensor x = zeros({2, 3, 4, 5});
  const Tensor i = zeros({7, 6}, DType::int64), j = zeros({6}, DType::int64);
  EXPECT_EQ(index(x, {i}).shape(), (Shape{7, 6, 3, 4, 5}));
  EXPECT_EQ(index(x, {{}, i}).shape(), (Shape{2, 7, 6, 4, 5}));
  EXPECT_EQ(index(x, {{}, i, j}).shape(), (Shape{2, 7, 6, 5}));
  EXPECT_EQ(index(x, {{}, i, {}, j}).shape(), (Shape{7, 6, 2, 4}));
  EXPECT_EQ(index(x, {i, {}, {}, j}).shape(), (Shape{7, 6, 3, 4}));
  EXPECT_EQ(index(x, {j, i, j, j}).shape(), (Shape{7, 6}));
  EXPECT_EQ(index(x, {{}, scalar(1, DType::int64)}).shape(), (Shape{2, 4, 5}));
  EXPECT_EQ(index(x, {{}, ones({3, 4}, DType::boolean)}).shape(), (Shape{2, 12, 5}));
  EXPECT_EQ(index(x, {scalar(1, DType::boolean)}).shape(), (Shape{1, 2, 3, 4, 5}));
  EXPECT_EQ(index(x, {scalar(0, DType::boolean)}).shape(), (Shape{0, 2, 3, 4, 5}));
  EXPECT_EQ(index(x, {zeros({0}, DType::int64)}).shape(), (Shape{0, 3, 4, 5}));
  EXPECT_EQ(index(x, {Tensor{}, Tensor{}}).shape(), x.shape());
}

TEST(Indexing, ReadsWhatTheIndicesSay) {
  for (const DType dtype : kAllDTypes) {
    for (const Layout layout : kAllLayouts) {
      const Tensor x = numbers({3, 4, 5}, dtype, layout);
      const Integers rows{2, -1, 0, -3}, columns{-5, 4, 1, 1};
      const Tensor y = index(x, {integers(rows), {}, integers(columns)});
      ASSERT_EQ(y.shape(), (Shape{4, 4}));
      std::vector<double> expected;
      for (std::size_t k = 0; k < rows.size(); ++k) {
        for (Index j = 0; j < 4; ++j) {
          expected.push_back(broadcast_value(x, {(rows[k] + 3) % 3, j, (columns[k] + 5) % 5}));
        }
      }
      EXPECT_EQ(values(y), expected);
    }
  }
}

TEST(Indexing, MasksChooseInLogicalOrder) {
  const Tensor x = counting({2, 3}).transpose(0, 1);  // 0 3 / 1 4 / 2 5
  const Tensor mask = gt(x, 1.5);
  EXPECT_EQ(values(index(x, {mask})), (std::vector<double>{3, 4, 2, 5}));
  EXPECT_EQ(values(masked_select(x, mask)), (std::vector<double>{3, 4, 2, 5}));
  EXPECT_EQ(values(masked_select(x, mask.select(1, 0).unsqueeze(1))), (std::vector<double>{2, 5}));
  EXPECT_EQ(values(nonzero(mask)), (std::vector<double>{0, 1, 1, 1, 2, 0, 2, 1}));
  EXPECT_EQ(nonzero(scalar(3)).shape(), (Shape{1, 0}));
  EXPECT_EQ(nonzero(zeros({0, 3})).shape(), (Shape{0, 2}));
  // A mask over the last two axes beside an index over the first.
  const Tensor cube = counting({2, 2, 3});
  const std::array ends{true, false, false, false, false, true};
  const Tensor part =
      index(cube, {integers({1}), Tensor::from(std::span<const bool>(ends), {2, 3})});
  EXPECT_EQ(values(part), (std::vector<double>{6, 11}));
}

TEST(Indexing, NonzeroCrossesChunks) {
  Tensor x = zeros({300, 401}, DType::int32);
  const Integers rows{0, 7, 81, 82, 163, 299}, columns{0, 400, 289, 0, 5, 400};
  index_put_(x, std::vector{integers(rows), integers(columns)}, scalar(1, DType::int32));
  EXPECT_TRUE(same_on_any_threads([&] { return nonzero(x); }));
  const Tensor found = nonzero(x);
  EXPECT_EQ(found.select(1, 0).to_vector<std::int64_t>(), rows);
  EXPECT_EQ(found.select(1, 1).to_vector<std::int64_t>(), columns);
}

TEST(Indexing, Derivatives) {
  const Tensor rows = integers({2, -1, 0, 2}), columns = integers({4, 0, 1, 4});
  for (const Layout layout : kAllLayouts) {
    const Tensor x = leaf({3, 4, 5}, layout);
    check([&](auto in) { return cubed(index(in[0], {rows})); }, {x});
    check([&](auto in) { return cubed(index(in[0], {rows, {}, columns})); }, {x});
    check([&](auto in) { return cubed(index(in[0], {{}, rows, columns})); }, {x});
    check(
        [&](auto in) {
          return cubed(index(in[0], {rows.unsqueeze(1), columns}));
        },
        {leaf({3, 5, 2}, layout)});
    check([&](auto in) { return cubed(masked_select(in[0], gt(in[0], 0.2))); }, {x});
    check([&](auto in) { return cubed(index_select(in[0], 1, integers({3, 0, 3}))); }, {x});
  }
}

TEST(IndexPut, WritesOrAdds) {
  Tensor x = zeros({3, 2}, DType::float64);
  index_put_(x, std::vector{integers({0, -1, 0})}, counting({3, 2}));
  EXPECT_EQ(values(x), (std::vector<double>{4, 5, 0, 0, 2, 3}));  // the last of equals stays
  index_put_(x, std::vector{integers({0, -1, 0})}, counting({3, 2}), true);
  EXPECT_EQ(values(x), (std::vector<double>{8, 11, 0, 0, 4, 6}));
  index_put_(x, std::vector{gt(x, 5)}, scalar(-1, DType::float64));
  EXPECT_EQ(values(x), (std::vector<double>{-1, -1, 0, 0, 4, -1}));
  index_put_(x, std::vector{scalar(1, DType::boolean), {}, integers({1})},
             scalar(9, DType::float64));
  EXPECT_EQ(values(x), (std::vector<double>{-1, 9, 0, 9, 4, 9}));
  Tensor seen = x.transpose(0, 1);  // through a view, from its own memory
  index_put_(seen, std::vector{integers({0, 1})}, seen.narrow(0, 1, 1));
  EXPECT_EQ(values(x), (std::vector<double>{9, 9, 9, 9, 9, 9}));
}

TEST(IndexPut, DifferentiatesInTargetAndValues) {
  const Tensor rows = integers({2, 0, 2}), columns = integers({1, -4, 3});
  for (const bool accumulate : {false, true}) {
    const auto f = [&](std::span<const Tensor> in) {
      Tensor y = mul(in[0], in[0]);
      index_put_(y, std::vector{rows, columns}, in[1], accumulate);
      Tensor part = y.select(0, 1);  // rewrites the history of its base
      index_put_(part, std::vector{integers({3, 0})}, in[2].expand({2, 2}), accumulate);
      return cubed(y);
    };
    check(f, {leaf({3, 4, 2}, Layout::channels_last), leaf({3, 2}), leaf({2})});
    check(f, {leaf({3, 4, 2}), leaf({2}), leaf({1}, Layout::gaps)});
    const Tensor once = integers({2, 0});
    check([&](auto in) { return cubed(index_put(in[0], std::vector{once}, in[1], accumulate)); },
          {leaf({3, 2}), leaf({2, 1})});
  }
  check([&](auto in) { return cubed(index_put(in[0], std::vector{rows}, in[1], true)); },
        {leaf({3, 2}), leaf({3, 2})});  // row 2 twice
}

TEST(Gather, FollowsItsDefinition) {
  const Tensor x = counting({3, 4, 5});
  const Tensor at = numbers({2, 3, 4}, DType::uint8).to(DType::int64);    // 0 ... 10
  const Tensor index = at.to(DType::float64).mul_(0.3).to(DType::int64);  // 0 ... 3
  const Tensor y = gather(x, 1, index);
  const Tensor z = scatter(zeros({3, 4, 5}, DType::float64), 1, index, y);
  const Tensor w = scatter_add(x, 1, index, x);
  Tensor sums = x.clone();
  std::size_t n = 0;
  const std::vector<double> found = values(y);
  for (const auto& i : indices(index.shape())) {
    const auto k = static_cast<Index>(broadcast_value(index, i));
    EXPECT_EQ(found.at(n++), broadcast_value(x, {i[0], k, i[2]}));
    EXPECT_EQ(broadcast_value(z, {i[0], k, i[2]}), broadcast_value(x, {i[0], k, i[2]}));
    sums.select(0, i[0]).select(0, k).select(0, i[2]).add_(
        x.select(0, i[0]).select(0, i[1]).select(0, i[2]));
  }
  EXPECT_EQ(values(w), values(sums));
  EXPECT_EQ(values(scatter(zeros({2, 3}), 1, Tensor::from(Integers{2, 0}, {2, 1}), 1.0)),
            (std::vector<double>{0, 0, 1, 1, 0, 0}));
  EXPECT_EQ(gather(scalar(3), 0, zeros({2}, DType::int64)).shape(), Shape{2});
  EXPECT_EQ(gather(scalar(3), -1, scalar(0, DType::int64)).item(), 3);
  EXPECT_EQ(scatter(scalar(3), 0, scalar(0, DType::int64), scalar(4)).item(), 4);
  EXPECT_EQ(values(take_along_dim(x, index.narrow(0, 0, 1).narrow(2, 0, 1), 1)),
            values(gather(x, 1, index.narrow(0, 0, 1).narrow(2, 0, 1).expand({3, 3, 5}))));
  EXPECT_EQ(values(take_along_dim(x, integers({59, 0}))), (std::vector<double>{59, 0}));
}

TEST(Gather, Derivatives) {
  const Tensor where = Tensor::from(Integers{2, 0, 1, 0, 0, 1, 2, 2}, {2, 4});
  for (const Layout layout : kAllLayouts) {
    const Tensor x = leaf({3, 4}, layout);
    check([&](auto in) { return cubed(gather(in[0], 0, where)); }, {x});
    check([&](auto in) { return cubed(gather(in[0], -1, where)); }, {x});
    check([&](auto in) { return cubed(take_along_dim(in[0], where.narrow(0, 0, 1), 0)); }, {x});
    check([&](auto in) { return cubed(scatter_add(in[0], 0, where, in[1])); }, {x, leaf({3, 5})});
    check([&](auto in) { return cubed(scatter_add(in[0], 1, where, in[1])); }, {x, leaf({2, 4})});
    check([&](auto in) { return cubed(scatter(in[0], 0, where, in[1])); }, {x, leaf({2, 4})});
    check([&](auto in) { return cubed(scatter(in[0], 0, where, 3)); }, {x});
    check([&](auto in) { return cubed(masked_fill(in[0], gt(in[0], 0.2), in[1])); }, {x, leaf({})});
  }
}

TEST(Gather, SumsHaveOneOrder) {
  const Tensor src = noise({70, 900});
  const Tensor at = numbers({70, 900}, DType::uint8).to(DType::int64);
  for (const int axis : {0, 1}) {
    EXPECT_TRUE(same_on_any_threads([&] { return scatter_add(zeros({70, 900}), axis, at, src); }));
  }
}

TEST(Indexing, MaskedFillKeepsTheDType) {
  const Tensor x = numbers({3}, DType::int32);
  const Tensor mask = ones({2, 1}, DType::boolean);
  EXPECT_EQ(masked_fill(x, mask, 7).dtype(), DType::int32);
  EXPECT_EQ(values(masked_fill(x, mask, 7)), std::vector<double>(6, 7));
  EXPECT_EQ(masked_fill(mask, mask, 0).dtype(), DType::boolean);
  EXPECT_THROW(masked_fill(x, mask, 0.5), DTypeError);
  EXPECT_THROW(masked_fill(x, mask, scalar(1)), DTypeError);
  EXPECT_THROW(masked_fill(x, x, 1), DTypeError);
}

TEST(Indexing, WrongIndicesAreErrorsAndWriteNothing) {
  Tensor x = zeros({2, 3}, DType::float64);
  const Tensor one = scalar(1, DType::float64);
  for (const Index wrong : {Index{3}, Index{-4}, INT64_MAX, INT64_MIN}) {
    EXPECT_THROW(index(x, {{}, integers({0, wrong})}), IndexError);
    EXPECT_THROW(index_put_(x, std::vector{Tensor{}, integers({0, wrong})}, one), IndexError);
    EXPECT_THROW(gather(x, 1, integers({0, wrong}).unsqueeze(0)), IndexError);
    EXPECT_THROW(scatter(x, 1, integers({0, wrong}).unsqueeze(0), 1), IndexError);
    EXPECT_THROW(index_select(x, 1, integers({0, wrong})), IndexError);
  }
  EXPECT_THROW(gather(x, 1, integers({-1}).unsqueeze(0)), IndexError);
  EXPECT_THROW(index(x, {ones({3}, DType::boolean)}), IndexError);
  EXPECT_THROW(index(x, {{}, ones({3, 1}, DType::boolean)}), IndexError);
  EXPECT_THROW(index(x, {Tensor{}, Tensor{}, Tensor{}}), IndexError);
  EXPECT_THROW(index(x, {integers({0, 1}), integers({0, 1, 2})}), ShapeError);
  EXPECT_THROW(index(x, {x}), DTypeError);
  EXPECT_THROW(index_put_(x, std::vector{integers({0})}, zeros({2}, DType::float64)), ShapeError);
  EXPECT_THROW(index_put_(x, std::vector{integers({0})}, zeros({3})), DTypeError);
  EXPECT_THROW(gather(x, 2, zeros({1, 1}, DType::int64)), IndexError);
  EXPECT_THROW(gather(x, 1, zeros({3, 1}, DType::int64)), ShapeError);
  EXPECT_THROW(gather(x, 1, zeros({1}, DType::int64)), ShapeError);
  EXPECT_THROW(scatter(x, 1, zeros({2, 2}, DType::int64), zeros({2, 1}, DType::float64)),
               ShapeError);
  EXPECT_THROW(scatter(x, 1, zeros({2, 2}, DType::int64), zeros({2, 2})), DTypeError);
  EXPECT_THROW(index_select(x, 0, zeros({1, 1}, DType::int64)), ShapeError);
  EXPECT_THROW(index_put_(x.requires_grad_(), std::vector{integers({0})}, one), AutogradError);
  EXPECT_EQ(values(x), std::vector<double>(6, 0));
}

}  // namespace
}  // namespace voxgrad
