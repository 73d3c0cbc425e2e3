#include <voxgrad/core/tensor.h>

#include <gtest/gtest.h>

#include <numeric>

#include <voxgrad/core/error.h>

namespace voxgrad {
namespace {

Tensor counting(Shape shape) {
  std::vector<float> values(static_cast<std::size_t>(element_count(shape)));
  std::iota(values.begin(), values.end(), 0.0f);
  return Tensor::from(values, std::move(shape));
}

TEST(Tensor, ACopyIsTheSameTensor) {
  Tensor a = counting({2, 3});
  Tensor b = a;
  b.mutable_data<float>()[4] = 40;
  EXPECT_EQ(a.data<float>()[4], 40);
  EXPECT_TRUE(a.is_same(b));
}

TEST(Tensor, AnAliasSharesValuesAndVersion) {
  const Tensor a = counting({2, 3});
  Tensor row = a.alias({3}, {1}, 3);
  const auto before = a.version();
  row.mutable_data<float>()[0] = -1;
  EXPECT_EQ(a.version(), before + 1);
  EXPECT_EQ(a.to_vector<float>(), (std::vector<float>{0, 1, 2, -1, 4, 5}));
}

TEST(Tensor, ChannelsLastStridesSaySo) {
  const Tensor x = Tensor::empty_channels_last({2, 3, 5, 7});
  EXPECT_EQ(x.strides(), (Strides{105, 1, 21, 3}));
  EXPECT_TRUE(x.is_channels_last());
  EXPECT_FALSE(x.is_contiguous());
  EXPECT_TRUE(x.is_dense());
}

TEST(Tensor, AxesOfSizeOneNeverDecideALayout) {
  const Tensor x = Tensor::empty_strided({1, 1, 4, 5}, {999, 7, 5, 1}, DType::float32);
  EXPECT_TRUE(x.is_contiguous());
  EXPECT_TRUE(x.is_channels_last());
  EXPECT_TRUE(x.is_dense());
}

TEST(Tensor, OverlapAndGapsAreSeen) {
  const Tensor x = counting({4, 3});
  EXPECT_TRUE(x.alias({4, 3}, {0, 1}, 0).may_overlap());
  EXPECT_TRUE(x.alias({3, 2}, {1, 1}, 0).may_overlap());
  const Tensor gaps = x.alias({2, 3}, {6, 1}, 0);
  EXPECT_FALSE(gaps.may_overlap());
  EXPECT_FALSE(gaps.is_dense());
}

TEST(Tensor, EmptyLikeKeepsADenseMemoryOrder) {
  const Tensor x = Tensor::empty_channels_last({2, 3, 4, 5}, DType::float64);
  EXPECT_EQ(Tensor::empty_like(x, DType::uint8).strides(), x.strides());
  const Tensor gaps = x.alias({2, 3, 2, 5}, x.strides(), 0);
  EXPECT_TRUE(Tensor::empty_like(gaps).is_contiguous());
}

TEST(Tensor, ReadingWithTheWrongTypeIsAnError) {
  const Tensor x = counting({2});
  EXPECT_THROW(x.data<double>(), DTypeError);
  EXPECT_THROW(x.item(), ShapeError);
  EXPECT_THROW(Tensor().shape(), ShapeError);
  EXPECT_THROW(x.size(1), IndexError);
  EXPECT_EQ(x.size(-1), 2);
}

TEST(Tensor, AbsurdSizesAreErrorsBeforeAllocation) {
  EXPECT_THROW(Tensor::empty({Index{1} << 40, Index{1} << 40}), ShapeError);
  EXPECT_THROW(Tensor::empty({Index{1} << 61}), ShapeError);  // fits as a count, not as bytes
  EXPECT_THROW(Tensor::empty({Index{1} << 50}), OutOfMemoryError);
  EXPECT_THROW(Tensor::empty({2, -1}), ShapeError);
}

TEST(Tensor, BorrowedMemoryIsReleasedOnceByTheLastTensor) {
  float values[4] = {1, 2, 3, 4};
  int released = 0;
  {
    Tensor x = Tensor::borrow(values, {2, 2}, {1, 2}, DType::float32, {}, [&] { ++released; });
    const Tensor view = x.alias({2}, {1}, 2);
    x = {};
    EXPECT_EQ(released, 0);
    EXPECT_EQ(view.to_vector<float>(), (std::vector<float>{3, 4}));
  }
  EXPECT_EQ(released, 1);
}

TEST(Tensor, BorrowsNoNegativeStrides) {
  double values[3] = {1, 2, 3};
  EXPECT_THROW(Tensor::borrow(values + 2, {3}, {-1}, DType::float64, {}, {}), ShapeError);
}

TEST(ViewStrides, FollowTheElementsWhereTheyCan) {
  const auto strides = [](Shape shape, Strides s, Shape to) { return view_strides(shape, s, to); };
  EXPECT_EQ(strides({2, 3, 4}, {12, 4, 1}, {6, 4}), (Strides{4, 1}));
  EXPECT_EQ(strides({2, 3, 4}, {12, 4, 1}, {2, 1, 12}), (Strides{12, 12, 1}));
  EXPECT_EQ(strides({3, 4}, {1, 3}, {3, 2, 2}), (Strides{1, 6, 3}));
  EXPECT_EQ(strides({3, 4}, {1, 3}, {12}), std::nullopt);
  EXPECT_EQ(strides({2, 3}, {4, 1}, {6}), std::nullopt);
  EXPECT_EQ(strides({4, 1}, {1, 999}, {2, 2}), (Strides{2, 1}));
  EXPECT_EQ(strides({5}, {0}, {5, 1}), (Strides{0, 0}));
  EXPECT_TRUE(strides({0, 3}, {3, 1}, {3, 0}).has_value());
  EXPECT_TRUE(strides({}, {}, {1, 1}).has_value());
}

TEST(Storage, CountsTensorsOverIt) {
  const Tensor a = counting({3});
  EXPECT_EQ(a.impl()->storage()->tensors(), 1);
  {
    const Tensor b = a.alias({1}, {1}, 0);
    EXPECT_EQ(a.impl()->storage()->tensors(), 2);
  }
  EXPECT_EQ(a.impl()->storage()->tensors(), 1);
}

}  // namespace
}  // namespace voxgrad
