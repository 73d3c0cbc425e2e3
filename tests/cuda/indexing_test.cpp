#include <voxgrad/ops/indexing.h>

#include <gtest/gtest.h>

#include <random>

#include <voxgrad/autograd/functions/indexing.h>
#include <voxgrad/autograd/functions/pool.h>
#include <voxgrad/core/error.h>
#include <voxgrad/ops/layout.h>

#include "tests/ops/random_values.h"
#include "tests/support/on_cuda.h"

namespace voxgrad::testing {
namespace {

using Inputs = std::vector<Tensor>;

constexpr Agreement kWithGradients{.gradients = true};

class CudaIndexing : public Cuda {};

/// Whole numbers in [-size, size), or in [0, size).
Tensor indices_below(Index size, const Shape& shape, bool negative, std::uint32_t seed = 1) {
  const Tensor labels = random_labels(shape, negative ? 2 * size : size, DType::int64, seed);
  if (!negative) return labels;
  Tensor result = labels.clone();
  return result.add_(Tensor::from(std::vector<std::int64_t>{size}, {}), -1);
}

/// Random lookups in x of shape (5, 4, 3): each axis of the result runs along one of x or is
/// addressed by the index tensors.
struct Lookup {
  Tensor x;
  ops::IndexMap map;
  Inputs indices;  // of the shape of the result, some with strides 0
  Shape shape;

  Lookup(std::mt19937& random, DType dtype, Layout layout) {
    const Shape sizes{5, 4, 3};
    x = numbers(sizes, dtype, layout, static_cast<Index>(random() % 100));
    for (int axis = 0; axis < 3; ++axis) {
      if (random() % 2 == 0) {
        map.indexed.push_back(axis);
        continue;
      }
      map.own.push_back(axis);
      shape.push_back(sizes[static_cast<std::size_t>(axis)]);
    }
    if (map.indexed.empty()) {
      map.indexed.push_back(map.own.back());
      map.own.pop_back();
      shape.pop_back();
    }
    for (auto axes = random() % 3 + 1; axes > 0; --axes) {
      const auto at = static_cast<std::ptrdiff_t>(random() % (shape.size() + 1));
      shape.insert(shape.begin() + at, static_cast<Index>(random() % 6 + 1));
      map.own.insert(map.own.begin() + at, -1);
    }
    // A single index may vary along x's own axes.
    const bool repeats = map.indexed.size() > 1 || random() % 2 == 0;
    Shape cut = shape;
    for (std::size_t i = 0; i < cut.size(); ++i) {
      if (repeats && map.own[i] >= 0) cut[i] = 1;
    }
    for (const int axis : map.indexed) {
      const Tensor index =
          indices_below(sizes[static_cast<std::size_t>(axis)], cut, true, random());
      indices.push_back(index.alias(shape, ops::operand(index, shape).strides, 0));
    }
  }

  Inputs with(const Tensor& first, const Tensor& second) const {
    Inputs result{first, second};
    result.insert(result.end(), indices.begin(), indices.end());
    return result;
  }
};

std::span<const Tensor> behind_two(const Inputs& in) { return std::span(in).subspan(2); }

TEST_F(CudaIndexing, RandomLookupsAgreeForAllDTypesAndLayouts) {
  std::mt19937 random(3);
  for (int i = 0; i < 120; ++i) {
    const DType dtype = kAllDTypes[i % 6];
    const Lookup lookup(random, dtype, kAllLayouts[random() % 4]);
    const Tensor values = numbers(lookup.shape, dtype, kAllLayouts[random() % 4], i);
    expect_agreement(
        "gather", [&](const Inputs& in) { return ops::gather(in[0], lookup.map, behind_two(in)); },
        lookup.with(lookup.x, values));
    for (const bool accumulate : {false, true}) {
      expect_agreement(
          "scatter",
          [&](const Inputs& in) {
            Tensor x = ops::copy(in[0]);
            ops::scatter_into(x, lookup.map, behind_two(in), in[1], accumulate);
            return x;
          },
          lookup.with(lookup.x, values));
    }
  }
}

TEST_F(CudaIndexing, ManyThatMeetAreAddedInChunks) {
  for (const bool shared : {false, true}) {  // one index for the columns, or one each
    const Index columns = 3, rows = 2500;
    Tensor index = indices_below(4, {rows, shared ? 1 : columns}, false);
    index = index.alias({rows, columns}, {index.stride(0), shared ? 0 : 1}, 0);
    const ops::IndexMap map{{-1, 1}, {0}};
    for (const bool accumulate : {false, true}) {
      const auto scatter = [&](const Inputs& in) {
        Tensor x = ops::copy(in[0]);
        ops::scatter_into(x, map, std::span(&in[2], 1), in[1], accumulate);
        return x;
      };
      for (const DType dtype : kAllDTypes) {
        expect_agreement("whole numbers", scatter,
                         {numbers({4, columns}, dtype), numbers({rows, columns}, dtype), index});
      }
      expect_agreement("fractions", scatter,
                       {random_values({4, columns}, DType::float32),
                        random_values({rows, columns}, DType::float32), index},
                       {.tolerance = 1e-6});
    }
  }
}

TEST_F(CudaIndexing, PlacesMayNeedMoreThan32Bits) {
  const Tensor x = random_values({5, 3}, DType::float32),
               values = random_values({9, 3}, DType::float32);
  const Tensor index = indices_below(5, {9, 3}, false);
  for (const bool accumulate : {false, true}) {
    expect_agreement("scatter",
                     [&](const Inputs& in) {
                       Tensor y = ops::copy(in[0]);
                       ops::Operand to = ops::target(y);
                       to.shape = {9, 3};
                       to.strides = {0, 1};
                       const ops::IndexOperand which{ops::operand(in[2]), Index{1} << 40, 3};
                       ops::indexing_kernels(y.device())
                           .scatter(to, which, ops::operand(in[1]), {-1, 1}, accumulate);
                       return y;
                     },
                     {x, values, index});
  }
}

TEST_F(CudaIndexing, NonzeroAgreesForAllDTypesAndLayouts) {
  const auto nonzero = [](const Inputs& in) { return ops::nonzero(in[0]); };
  for (const DType dtype : kAllDTypes) {
    for (const Layout layout : kAllLayouts)
      expect_agreement("nonzero", nonzero, {numbers({3, 1, 15, 4}, dtype, layout)});
    expect_agreement("many", nonzero, {numbers({5001}, dtype)});
    expect_agreement("empty", nonzero, {numbers({3, 0}, dtype)});
    expect_agreement("rank 0", nonzero, {numbers({}, dtype)});
  }
  Tensor zeros = Tensor::empty({70, 3}, DType::float32);
  ops::fill(zeros, -0.0);
  expect_agreement("none", nonzero, {zeros});
}

TEST_F(CudaIndexing, IndicesDifferentiate) {
  const Tensor x = random_values({4, 5, 6}, DType::float32, Layout::reversed);
  const Tensor first = indices_below(4, {3, 1}, true, 1);
  const Tensor second = ops::convert(indices_below(5, {7}, true, 2), DType::int32);
  const Tensor third = indices_below(6, {3, 7}, true, 3);
  const Tensor mask = numbers({4, 5}, DType::boolean);
  const Tensor all = {};
  expect_agreement(
      "one", [](const Inputs& in) { return index(in[0], {in[1]}); }, {x, first}, kWithGradients);
  expect_agreement(
      "two",
      [](const Inputs& in) {
        return index(in[0], {in[1], in[2]});
      },
      {x, first, second}, kWithGradients);
  expect_agreement(
      "apart",
      [&](const Inputs& in) {
        return index(in[0], {in[1], all, in[2]});
      },
      {x, first, third}, kWithGradients);
  expect_agreement(
      "three",
      [](const Inputs& in) {
        return index(in[0], {in[1], in[2], in[3]});
      },
      {x, first, second, third}, kWithGradients);
  expect_agreement(
      "mask", [](const Inputs& in) { return index(in[0], {in[1]}); }, {x, mask}, kWithGradients);
  expect_agreement(
      "mask of rank 0", [](const Inputs& in) { return index(in[0], {in[1]}); },
      {x, numbers({}, DType::boolean, Layout::plain, 1)}, kWithGradients);
  expect_agreement(
      "masked_select", [](const Inputs& in) { return masked_select(in[0], in[1]); },
      {x, numbers({6}, DType::boolean)}, kWithGradients);
  expect_agreement(
      "masked_fill", [](const Inputs& in) { return masked_fill(in[0], in[1], 2); },
      {x, numbers({5, 1}, DType::boolean)}, kWithGradients);
}

TEST_F(CudaIndexing, WritesDifferentiate) {
  const Tensor x = random_values({4, 5, 6}, DType::float32);
  const Tensor rows = indices_below(4, {9}, true, 4), columns = indices_below(5, {9}, true, 5);
  const Tensor mask = numbers({4, 5}, DType::boolean);
  const Tensor one = random_values({}, DType::float32, Layout::plain, 3);
  for (const bool accumulate : {false, true}) {
    expect_agreement(
        "index_put",
        [=](const Inputs& in) {
          return index_put(in[0], std::array{in[2], in[3]}, in[1], accumulate);
        },
        {x, random_values({9, 6}, DType::float32, Layout::plain, 2), rows, columns},
        kWithGradients);
    expect_agreement(
        "masked",
        [=](const Inputs& in) { return index_put(in[0], std::array{in[2]}, in[1], accumulate); },
        {x, one, mask}, {.tolerance = 1e-6, .gradients = true});
  }
}

TEST_F(CudaIndexing, GatherScatterAndSelectDifferentiate) {
  const Tensor x = random_values({4, 5, 6}, DType::float64, Layout::channels_last);
  const Tensor index = indices_below(5, {3, 7, 2}, false);
  const Tensor src = random_values({4, 8, 2}, DType::float64, Layout::gaps, 6);
  expect_agreement(
      "gather", [](const Inputs& in) { return gather(in[0], 1, in[1]); }, {x, index},
      kWithGradients);
  expect_agreement(
      "scatter", [](const Inputs& in) { return scatter(in[0], 1, in[1], in[2]); }, {x, index, src},
      kWithGradients);
  expect_agreement(
      "scatter of one", [](const Inputs& in) { return scatter(in[0], 1, in[1], 3.0); }, {x, index},
      kWithGradients);
  expect_agreement(
      "scatter_add", [](const Inputs& in) { return scatter_add(in[0], 1, in[1], in[2]); },
      {x, index, src}, kWithGradients);
  expect_agreement(
      "take_along_dim", [](const Inputs& in) { return take_along_dim(in[0], in[1], 1); },
      {x, indices_below(5, {4, 3, 1}, false)}, kWithGradients);
  for (const int axis : {0, 1, 2}) {
    expect_agreement("index_select",
                     [axis](const Inputs& in) { return index_select(in[0], axis, in[1]); },
                     {x, indices_below(4, {300}, false)}, {.tolerance = 1e-14, .gradients = true});
  }
  expect_agreement(
      "of nothing", [](const Inputs& in) { return gather(in[0], 1, in[1]); },
      {x, Tensor::empty({4, 0, 6}, DType::int64)}, kWithGradients);
}

TEST_F(CudaIndexing, MaximaGoBackWhereTheyCameFrom) {
  const Tensor x = random_values({2, 3, 6, 8}, DType::float32, Layout::channels_last);
  expect_agreement(
      "max_unpool",
      [](const Inputs& in) {
        const MaxPoolResult pooled = max_pool_with_indices(in[0]);
        return max_unpool(pooled.values, pooled.indices, {6, 8});
      },
      {x}, kWithGradients);
}

TEST_F(CudaIndexing, RefusesIndicesOutsideAndOnOtherDevices) {
  const Tensor x = on_cuda(random_values({4, 3}));
  const Tensor index = Tensor::from(std::vector<std::int64_t>{0, 4}, {2});
  EXPECT_THROW(index_select(x, 0, on_cuda(index)), IndexError);
  EXPECT_THROW(index_select(x, 0, index), DeviceError);
}

}  // namespace
}  // namespace voxgrad::testing
