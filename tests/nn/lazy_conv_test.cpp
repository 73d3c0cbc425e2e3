#include <voxgrad/nn/lazy_conv.h>

#include <gtest/gtest.h>

#include <voxgrad/autograd/functions/creation.h>
#include <voxgrad/core/error.h>
#include <voxgrad/core/random.h>
#include <voxgrad/nn/container.h>

namespace voxgrad {
namespace {

TEST(LazyConvLayer, TakesItsChannelsFromTheFirstInput) {
  nn::LazyConv2d lazy({.out_channels = 6, .kernel_size = {3, 2}, .groups = 2});
  EXPECT_EQ(lazy.repr(), "LazyConv2d(0, 6, kernel_size=(3, 2), stride=(1, 1), groups=2)");
  EXPECT_TRUE(lazy.parameters().empty());
  EXPECT_EQ(lazy.made(), nullptr);
  manual_seed(4);
  const Tensor y = lazy(ones({1, 4, 5, 5}));
  EXPECT_EQ(y.shape(), (Shape{1, 6, 3, 4}));
  EXPECT_EQ(lazy.repr(), "Conv2d(4, 6, kernel_size=(3, 2), stride=(1, 1), groups=2)");
  ASSERT_EQ(lazy.state_dict().size(), 2u);
  EXPECT_EQ(lazy.state_dict()[0].first, "weight");
  manual_seed(4);
  const nn::Conv2d eager({.in_channels = 4, .out_channels = 6, .kernel_size = {3, 2}, .groups = 2});
  EXPECT_EQ(lazy.made()->weight.to_vector<float>(), eager.weight.to_vector<float>());
  EXPECT_EQ(lazy.made()->bias.to_vector<float>(), eager.bias.to_vector<float>());
}

TEST(LazyConvLayer, KeepsTheChannelsOfTheFirstInput) {
  nn::LazyConv1d lazy({.out_channels = 2, .kernel_size = 1});
  lazy(ones({3, 5}));  // unbatched
  EXPECT_EQ(lazy.made()->weight.shape(), (Shape{2, 3, 1}));
  EXPECT_THROW(lazy(ones({1, 4, 5})), ShapeError);
}

TEST(LazyConvLayer, FollowsTheInputsDtypeUnlessOneIsGiven) {
  nn::LazyConv1d free({.out_channels = 2, .kernel_size = 1});
  EXPECT_EQ(free(ones({1, 3, 5}, DType::float64)).dtype(), DType::float64);
  nn::LazyConv1d fixed({.out_channels = 2, .kernel_size = 1, .dtype = DType::float32});
  EXPECT_THROW(fixed(ones({1, 3, 5}, DType::float64)), DTypeError);
}

TEST(LazyConvTransposeLayer, FitsASkip) {
  nn::LazyConvTranspose3d up({.out_channels = 2, .kernel_size = 2, .stride = 2});
  const Tensor skip = zeros({1, 2, 9, 8, 5});
  EXPECT_EQ(up(zeros({1, 3, 4, 4, 2}), {.like = &skip}).shape(), skip.shape());
  EXPECT_EQ(up.type_name(), "ConvTranspose3d");
}

TEST(LazyConvLayer, ChecksItsOptionsAtOnce) {
  EXPECT_THROW(nn::LazyConv2d({.in_channels = 3, .out_channels = 6, .kernel_size = 3}), ShapeError);
  EXPECT_THROW(nn::LazyConv2d({.out_channels = 6, .kernel_size = 0}), ShapeError);
  EXPECT_THROW(nn::LazyConv2d({.out_channels = 6, .kernel_size = 3, .groups = 0}), ShapeError);
  EXPECT_THROW(nn::LazyConv2d({.out_channels = 6, .kernel_size = 3, .groups = 4}), ShapeError);
  EXPECT_THROW(nn::LazyConvTranspose2d({.out_channels = 6, .kernel_size = 3, .padding = -1}),
               ShapeError);
  EXPECT_THROW(nn::LazyConv2d({.out_channels = 6, .kernel_size = 3, .dtype = DType::int64}),
               DTypeError);
}

TEST(LazyConvLayer, RefusesAnInputThatItCannotTake) {
  nn::LazyConv2d lazy({.out_channels = 6, .kernel_size = 3, .groups = 2});
  EXPECT_THROW(lazy(ones({5, 5})), ShapeError);
  EXPECT_THROW(lazy(ones({1, 3, 5, 5})), ShapeError);  // 2 groups of 3 channels
  EXPECT_THROW(lazy(zeros({1, 0, 5, 5})), ShapeError);
  EXPECT_EQ(lazy(ones({1, 4, 5, 5})).shape(), (Shape{1, 6, 3, 3}));  // none of them stayed
}

TEST(LazyConvLayer, ClonesBeforeAndAfterTheFirstInput) {
  nn::LazyConv1d lazy({.out_channels = 2, .kernel_size = 1});
  const auto before = lazy.clone();
  lazy(ones({1, 3, 5}));
  EXPECT_EQ(before->made(), nullptr);
  const auto after = lazy.clone();
  EXPECT_EQ(after->made()->weight.to_vector<float>(), lazy.made()->weight.to_vector<float>());
  EXPECT_NE(after->made()->weight.impl(), lazy.made()->weight.impl());
}

TEST(LazyConvLayer, WorksInASequential) {
  nn::Sequential net{nn::LazyConv1d({.out_channels = 4, .kernel_size = 3}),
                     nn::LazyConvTranspose1d({.out_channels = 2, .kernel_size = 3})};
  EXPECT_EQ(net(ones({1, 3, 8})).shape(), (Shape{1, 2, 8}));
  EXPECT_EQ(net.parameters().size(), 4u);
}

}  // namespace
}  // namespace voxgrad
