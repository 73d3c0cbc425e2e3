// Results large enough to be stored past the caches are those that the kernels give in parts.
#include <voxgrad/ops/cpu/stream.h>

#include <gtest/gtest.h>

#include <functional>

#include <voxgrad/ops/conv.h>
#include <voxgrad/ops/elementwise.h>
#include <voxgrad/ops/layout.h>
#include <voxgrad/ops/norm.h>
#include <voxgrad/ops/operand.h>
#include <voxgrad/ops/pool.h>
#include <voxgrad/ops/resample.h>

namespace voxgrad::ops {
namespace {

constexpr Index kSize = 48;

Tensor random_volumes(Index batch, Index channels, Index size = kSize) {
  Tensor x = Tensor::empty_channels_last({batch, channels, size, size, size}, DType::float32, {});
  std::uint32_t state = 7;
  for (float& value : std::span(x.mutable_data<float>(), static_cast<std::size_t>(x.numel()))) {
    state = state * 1664525u + 1013904223u;
    value = static_cast<float>(state >> 8) * 0x1p-23f - 1;
  }
  return x;
}

/// f of two samples is large enough, f of one is not.
void expect_parts(const Tensor& x, const std::function<Tensor(const Tensor&)>& f) {
  const Tensor whole = f(x);
  const auto parts = {f(x.narrow(0, 0, 1)), f(x.narrow(0, 1, 1))};
  Index sample = 0;
  for (const Tensor& part : parts) {
    ASSERT_TRUE(cpu::streams_results(whole.numel(), size_of(whole.dtype())));
    ASSERT_FALSE(cpu::streams_results(part.numel(), size_of(part.dtype())));
    EXPECT_EQ(whole.narrow(0, sample, 1).to_vector<float>(), part.to_vector<float>())
        << "sample " << sample;
    ++sample;
  }
}

TEST(Stream, TakesWholeLinesOnly) {
  alignas(cpu::kLineBytes) const char line[2 * cpu::kLineBytes] = {};
  EXPECT_TRUE(cpu::is_whole_lines(line, 2 * cpu::kLineBytes));
  EXPECT_FALSE(cpu::is_whole_lines(line, cpu::kLineBytes / 2));
  EXPECT_FALSE(cpu::is_whole_lines(line + 4, cpu::kLineBytes));
}

TEST(Stream, Copies) {
  expect_parts(random_volumes(2, 32), copy);
  // Rows of whole lines, and of 20 channels, cut out of longer ones.
  const Tensor wide = random_volumes(2, 48);
  for (const Index channels : {32, 20}) {
    expect_parts(wide, [&](const Tensor& x) {
      const Tensor cut = x.narrow(1, 16, channels);
      Tensor to = empty_in_order_of(x, cut.shape());
      copy_into(to, cut);
      return to;
    });
  }
}

TEST(Stream, ElementwiseResults) {
  expect_parts(random_volumes(2, 32), [](const Tensor& x) { return unary(UnaryOp::exp, x); });
  expect_parts(random_volumes(2, 32), [](const Tensor& x) { return binary(BinaryOp::mul, x, x); });
  expect_parts(random_volumes(2, 64), [](const Tensor& x) {
    return binary(BinaryOp::sub, x.narrow(1, 0, 32), x.narrow(1, 32, 32));
  });
  // One number per channel, and one per place on either side.
  const Tensor x = random_volumes(2, 32);
  const Tensor channels = x.narrow(2, 0, 1).narrow(3, 0, 1).narrow(4, 0, 1).narrow(0, 0, 1);
  expect_parts(x, [&](const Tensor& part) { return binary(BinaryOp::mul, part, channels); });
  expect_parts(
      x, [&](const Tensor& part) { return binary(BinaryOp::sub, part, part.narrow(1, 3, 1)); });
  expect_parts(
      x, [&](const Tensor& part) { return binary(BinaryOp::sub, part.narrow(1, 3, 1), part); });
}

/// [channels]: first, first + step, ...
Tensor per_channel(Index channels, double first, double step) {
  Tensor result = Tensor::empty({channels}, DType::float64);
  for (Index c = 0; c < channels; ++c) {
    result.mutable_data<double>()[c] = first + step * static_cast<double>(c);
  }
  return result;
}

TEST(Stream, NormalisedValues) {
  for (const Index channels : {32, 20}) {
    const Moments moments{per_channel(channels, 0, 0.01), per_channel(channels, 1, 0.1)};
    expect_parts(random_volumes(2, channels), [&](const Tensor& x) {
      const NormShape shape{.groups = 1, .rows = x.numel() / channels, .channels = channels};
      return normalize(shape, x, moments, {.eps = 1e-5, .slope = 0});
    });
  }
}

TEST(Stream, GradientsOfNormalisation) {
  for (const Index channels : {32, 20}) {
    for (const double slope : {0.0, 0.01, 1.0}) {
      const Moments moments{per_channel(channels, 0, 0.01), per_channel(channels, 1, 0.1)};
      expect_parts(random_volumes(2, channels), [&](const Tensor& x) {
        const Index rows = x.numel() / channels;
        const double count = static_cast<double>(rows);  // so that means are those of the parts
        const NormSums sums{per_channel(channels, -0.5 * count, 0.25 * count),
                            per_channel(channels, 0.125 * count, 0.5 * count)};
        return norm_input_gradient({.groups = 1, .rows = rows, .channels = channels}, x,
                                   unary(UnaryOp::exp, x), moments, {.eps = 1e-5, .slope = slope},
                                   sums);
      });
    }
  }
}

TEST(Stream, GradientsOfPooling) {
  // Windows side by side, apart and overlapping.
  const std::vector<std::pair<Index, Index>> kernels_and_strides = {{2, 2}, {2, 3}, {3, 2}};
  for (const Index channels : {32, 20}) {
    for (const auto& [kernel, stride] : kernels_and_strides) {
      expect_parts(random_volumes(2, channels), [&](const Tensor& x) {
        const PoolAxis axis{
            .in = kSize, .out = (kSize - kernel) / stride + 1, .kernel = kernel, .stride = stride};
        const PoolGeometry g{
            .rank = 3, .batch = x.size(0), .channels = channels, .axis = {axis, axis, axis}};
        const MaxPooled pooled = max_pool(g, x);
        return scatter_at(g, pooled.values, pooled.positions);
      });
    }
  }
}

// Their operands are large too, and fetched beforehand.
TEST(Stream, DepthwiseConvolution) {
  for (const Slot slot : {Slot::y, Slot::x}) {
    for (const Index channels : {32, 36}) {
      const Tensor w = random_volumes(channels, 1, 3);
      expect_parts(random_volumes(2, channels), [&](const Tensor& source) {
        ConvOperands operands{.x = &source, .w = &w};
        if (slot == Slot::x) operands = {.w = &w, .y = &source};
        const Shape shape = source.shape();
        const ConvGeometry geometry =
            conv_geometry(shape, w.shape(), {.padding = 1, .groups = channels});
        const Tensor result = conv_partial(slot, geometry, operands);
        EXPECT_EQ(last_conv()->algorithm, "depthwise");
        return result;
      });
    }
  }
}

// Every other row of whole cache lines, but lines that begin in the middle of one.
TEST(Stream, DepthwiseGradientsAcrossAStride) {
  constexpr Index kChannels = 24;
  const Tensor w = random_volumes(kChannels, 1, 3);
  expect_parts(random_volumes(2, kChannels).narrow(4, 0, 25), [&](const Tensor& y) {
    const Tensor dense = copy(y);
    const Shape shape{y.size(0), kChannels, kSize, kSize, kSize + 1};
    const ConvGeometry geometry =
        conv_geometry(shape, w.shape(), {.stride = {1, 1, 2}, .padding = 1, .groups = kChannels});
    const Tensor result = conv_partial(Slot::x, geometry, {.w = &w, .y = &dense});
    EXPECT_EQ(last_conv()->algorithm, "depthwise");
    return result;
  });
}

TEST(Stream, ResampledValues) {
  AxisMap map{.in = kSize / 2};
  for (Index i = 0; i < kSize; ++i) {  // one to five taps
    for (Index t = 0; t <= i % 5; ++t)
      map.taps.push_back({(i / 2 + t) % map.in, 0.75 / static_cast<double>(t + 1)});
    map.starts.push_back(static_cast<Index>(map.taps.size()));
  }
  for (int axis = 2; axis < 5; ++axis) {
    expect_parts(random_volumes(2, 32).narrow(axis, 0, kSize / 2),
                 [&](const Tensor& x) { return map_axis(map, x, axis); });
  }
}

}  // namespace
}  // namespace voxgrad::ops
