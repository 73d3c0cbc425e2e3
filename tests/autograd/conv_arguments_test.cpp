// Random arguments of conv and conv_transpose, legal and illegal, as a user could write them: the
// legal ones give the values of the definition, all others an error.
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <random>

#include <voxgrad/autograd/functions/conv.h>
#include <voxgrad/autograd/gradcheck.h>
#include <voxgrad/core/error.h>

#include "tests/support/conv_oracle.h"
#include "tests/support/geometries.h"
#include "tests/support/paths.h"

namespace voxgrad {
namespace {

struct Arguments {
  bool transpose = false;
  Shape input, w;
  std::optional<Shape> bias;
  Shape stride{1}, padding{0}, dilation{1}, output_padding{0};  // one value, or one per axis
  bool same = false;                                            // conv: in place of the padding
  std::optional<Shape> output_size, like;                       // like: the shape of a tensor
  Index groups = 1;
  DType input_dtype = DType::float64, w_dtype = DType::float64, bias_dtype = DType::float64;
};

std::string to_string(const Arguments& a) {
  const auto text = [](const Shape& shape) { return voxgrad::to_string(shape); };
  return std::string(a.transpose ? "conv_transpose" : "conv") + " input " + text(a.input) + " w " +
         text(a.w) + " bias " + (a.bias ? text(*a.bias) : "none") + " stride " + text(a.stride) +
         " padding " + (a.same ? "same" : text(a.padding)) + " dilation " + text(a.dilation) +
         " output_padding " + text(a.output_padding) + " output_size " +
         (a.output_size ? text(*a.output_size) : "none") + " like " +
         (a.like ? text(*a.like) : "none") + " groups " + std::to_string(a.groups) + " dtypes " +
         std::string(name(a.input_dtype)) + " " + std::string(name(a.w_dtype)) + " " +
         std::string(name(a.bias_dtype));
}

class Draw {
 public:
  explicit Draw(unsigned seed) : random(seed) {}
  Index operator()(Index least, Index most) {
    return std::uniform_int_distribution<Index>(least, most)(random);
  }
  bool one_in(Index n) { return (*this)(1, n) == 1; }

  std::mt19937 random;
};

/// Legal arguments of a random geometry.
Arguments legal_arguments(Draw& draw) {
  const ConvGeometry g = test::random_geometry(draw.random);
  Arguments a;
  a.transpose = draw.one_in(2);
  a.groups = g.groups;
  a.w = slot_shape(g, Slot::w);
  a.input = slot_shape(g, a.transpose ? Slot::y : Slot::x);
  if (draw.one_in(4)) a.input.erase(a.input.begin());
  if (draw.one_in(2)) a.bias = Shape{a.transpose ? g.x_channels : g.y_channels};
  a.stride.clear(), a.padding.clear(), a.dilation.clear(), a.output_padding.clear();
  for (int i = 3 - g.rank; i < 3; ++i) {
    const ConvAxis& axis = g.axis[i];
    a.stride.push_back(axis.stride);
    a.padding.push_back(axis.padding);
    a.dilation.push_back(axis.dilation);
    a.output_padding.push_back(draw(0, std::max(axis.stride, axis.dilation) - 1));
  }
  if (a.transpose && draw.one_in(4)) {
    a.output_size.emplace();
    for (int i = 3 - g.rank; i < 3; ++i)
      a.output_size->push_back((g.axis[i].out - 1) * g.axis[i].stride - 2 * g.axis[i].padding +
                               g.axis[i].reach() + draw(0, g.axis[i].stride - 1));
  }
  return a;
}

void spoil_list(Shape& list, Draw& draw) {
  if (list.empty() || draw.one_in(4)) list.push_back(1);
  else if (draw.one_in(4)) list.pop_back();
  else if (draw.one_in(3)) list = {draw(-1, 3)};
  else list[static_cast<std::size_t>(draw(0, static_cast<Index>(list.size()) - 1))] += draw(-3, 3);
}

DType any_dtype(Draw& draw) {
  constexpr DType kinds[] = {DType::float32, DType::float64, DType::int64, DType::uint8,
                             DType::boolean};
  return kinds[draw(0, 4)];
}

/// One option far beyond what can be computed with.
void huge(Arguments& a, Draw& draw) {
  const Index value = (Index{1} << draw(40, 62)) - draw(0, 2);
  Shape* options[] = {&a.stride, &a.padding, &a.dilation, &a.output_padding};
  Shape& option = *options[draw(0, 3)];
  if (option.empty() || draw.one_in(3)) option = {value};
  else option.back() = value;
}

/// Changes one argument to another value, which may be legal too.
void spoil(Arguments& a, Draw& draw) {
  switch (draw(0, 13)) {
    case 0:
      a.input[static_cast<std::size_t>(draw(0, static_cast<Index>(a.input.size()) - 1))] =
          draw(0, 6);
      break;
    case 1:
      a.w[static_cast<std::size_t>(draw(0, static_cast<Index>(a.w.size()) - 1))] = draw(0, 5);
      break;
    case 2: spoil_list(a.stride, draw); break;
    case 3: spoil_list(a.padding, draw); break;
    case 4: spoil_list(a.dilation, draw); break;
    case 5: spoil_list(a.output_padding, draw); break;
    case 6: a.groups += draw(-3, 3); break;
    case 7: a.bias = draw.one_in(2) ? Shape{draw(0, 9)} : Shape{draw(1, 3), draw(1, 3)}; break;
    case 8:
      (draw.one_in(3)   ? a.input_dtype
       : draw.one_in(2) ? a.w_dtype
                        : a.bias_dtype) = any_dtype(draw);
      break;
    case 9: a.same = true; break;
    case 11: huge(a, draw); break;
    case 12:
      a.like = a.input;
      for (Index& size : *a.like) size = draw(1, 12);
      if (draw.one_in(4)) a.like->pop_back();
      break;
    case 10: draw.one_in(2) ? a.input.push_back(2) : a.w.push_back(2); break;
    default:
      if (!a.output_size) a.output_size = Shape(a.input.size(), draw(1, 9));
      else spoil_list(*a.output_size, draw);
  }
}

bool has_one_for_each(const Shape& list, std::size_t rank, Index least) {
  return (list.size() == 1 || list.size() == rank) &&
         std::ranges::all_of(list, [=](Index value) { return value >= least; });
}

/// Whether an axis is legal, by PyTorch's rules; sets the size of its result, counted.
bool settle(ConvAxis& axis, Index size, const Arguments& a, std::size_t i, std::size_t rank) {
  if (size < 1 || axis.kernel < 1) return false;
  if (!a.transpose) {
    axis.in = size;
    Index padded = size + 2 * axis.padding;
    if (a.same) {
      if (axis.stride != 1) return false;
      axis.padding = (axis.reach() - 1) / 2;
      padded = size + axis.reach() - 1;
    }
    axis.out = 0;
    while (axis.out * axis.stride + axis.reach() <= padded) ++axis.out;
    return axis.out >= 1;
  }
  axis.out = size;
  const Index least = (size - 1) * axis.stride + axis.reach() - 2 * axis.padding;
  if (a.like) {
    axis.in = (*a.like)[a.like->size() - rank + i];
    return axis.in >= least && axis.in < least + std::max(axis.stride, axis.dilation);
  }
  if (a.output_size) {
    axis.in = (*a.output_size)[a.output_size->size() - rank + i];
    return axis.in >= 1 && axis.in >= least && axis.in < least + axis.stride;
  }
  const Index extra = a.output_padding[a.output_padding.size() == 1 ? 0 : i];
  axis.in = least + extra;
  return axis.in >= 1 && (extra < axis.stride || extra < axis.dilation);
}

/// The geometry of legal arguments.
std::optional<ConvGeometry> geometry_of(const Arguments& a) {
  const std::size_t rank = a.w.size() - 2;
  if (a.w.size() < 3 || rank > 3) return {};
  if (a.input.size() != rank + 2 && a.input.size() != rank + 1) return {};
  if (!has_one_for_each(a.stride, rank, 1) || !has_one_for_each(a.dilation, rank, 1)) return {};
  if (!(a.same && !a.transpose) && !has_one_for_each(a.padding, rank, 0)) return {};
  if (a.transpose && !has_one_for_each(a.output_padding, rank, 0)) return {};
  if (a.transpose && a.output_size && a.output_size->size() != rank &&
      a.output_size->size() != a.input.size())
    return {};
  if (a.transpose && a.like &&
      (a.output_size || (a.like->size() != rank + 2 && a.like->size() != rank + 1)))
    return {};
  if (a.groups < 1 || a.w[0] < a.groups || a.w[0] % a.groups != 0) return {};
  ConvGeometry g;
  g.rank = static_cast<int>(rank);
  g.groups = a.groups;
  g.batch = a.input.size() == rank + 2 ? a.input[0] : 1;
  g.y_channels = a.w[0];
  g.x_channels = a.w[1] * a.groups;
  const Index channels = a.input[a.input.size() - rank - 1];
  if (channels != (a.transpose ? g.y_channels : g.x_channels)) return {};
  if (a.transpose && g.x_channels == 0) return {};
  for (std::size_t i = 0; i < rank; ++i) {
    const auto of = [&](const Shape& list) { return list[list.size() == 1 ? 0 : i]; };
    ConvAxis& axis = g.axis[3 - rank + i];
    axis.kernel = a.w[i + 2];
    axis.stride = of(a.stride);
    axis.dilation = of(a.dilation);
    axis.padding = a.same && !a.transpose ? 0 : of(a.padding);
    if (!settle(axis, a.input[a.input.size() - rank + i], a, i, rank)) return {};
  }
  if (!is_floating(a.input_dtype) || a.input_dtype != a.w_dtype) return {};
  const Index made = a.transpose ? g.x_channels : g.y_channels;
  if (a.bias && (*a.bias != Shape{made} || a.bias_dtype != a.input_dtype)) return {};
  return g;
}

Tensor filled(const Shape& shape, DType dtype, const test::Values* values, bool awkward) {
  if (!is_floating(dtype)) return Tensor::empty(shape, dtype);
  const test::Values zeros(static_cast<std::size_t>(element_count(shape)));
  const test::Values& all = values != nullptr ? *values : zeros;
  return awkward ? test::to_awkward_tensor(all, shape, dtype) : test::to_tensor(all, shape, dtype);
}

struct Operands {
  Tensor input, w, bias;
};

Operands operands_of(const Arguments& a, const test::FormValues* values, bool awkward) {
  const test::Values* given = nullptr;
  if (values != nullptr) given = a.transpose ? &values->y : &values->x;
  Operands made;
  made.input = filled(a.input, a.input_dtype, given, awkward);
  made.w = filled(a.w, a.w_dtype, values ? &values->w : nullptr, awkward);
  if (!a.bias) return made;
  const test::Values sevens(static_cast<std::size_t>(element_count(*a.bias)), 7);
  made.bias = filled(*a.bias, a.bias_dtype, &sevens, false);
  return made;
}

Tensor call(const Arguments& a, const Operands& operands) {
  const auto& [input, w, bias] = operands;
  const Tensor like = a.like ? Tensor::empty(*a.like) : Tensor();
  if (a.transpose)
    return conv_transpose(input, w, bias,
                          {.stride = a.stride,
                           .padding = a.padding,
                           .output_padding = a.output_padding,
                           .groups = a.groups,
                           .dilation = a.dilation,
                           .output_size = a.output_size,
                           .like = a.like ? &like : nullptr});
  const ConvPadding padding = a.same ? ConvPadding("same") : ConvPadding(Spatial(a.padding));
  return conv(input, w, bias,
              {.stride = a.stride, .padding = padding, .dilation = a.dilation, .groups = a.groups});
}

void expect_definition(const Arguments& a, const ConvGeometry& g, Draw& draw) {
  const Slot produced = a.transpose ? Slot::x : Slot::y;
  const test::FormValues values = test::whole_values(g, draw.random);
  const Tensor result = call(a, operands_of(a, &values, draw.one_in(2)));
  Shape shape = slot_shape(g, produced);
  if (a.input.size() == static_cast<std::size_t>(g.rank) + 1) shape.erase(shape.begin());
  ASSERT_EQ(result.shape(), shape) << to_string(a);
  test::Values expected = test::conv_oracle(produced, g, values).sum;  // exact: whole numbers
  if (a.bias)
    for (double& value : expected) value += 7;
  ASSERT_EQ(test::to_values(result), expected) << to_string(a);
}

void expect_refused(const Arguments& a) {
  try {
    call(a, operands_of(a, nullptr, false));
  } catch (const ShapeError& error) {
    ASSERT_NE(std::string(error.what()).find(": "), std::string::npos);
    return;
  } catch (const DTypeError&) {
    return;
  }
  FAIL() << "no error: " << to_string(a);
}

/// Options beyond the arithmetic of this file: an error, or a result, and no harm.
bool is_huge(const Arguments& a) {
  for (const Shape* option : {&a.stride, &a.padding, &a.dilation, &a.output_padding})
    for (const Index value : *option)
      if (value >= Index{1} << 32) return true;
  return false;
}

void expect_no_harm(const Arguments& a) {
  try {
    call(a, operands_of(a, nullptr, false));
  } catch (const Error& error) {
    ASSERT_NE(std::string(error.what()).find(": "), std::string::npos);
  }
}

TEST(ConvArguments, GiveTheDefinitionOrAnError) {
  Draw draw(1);
  const int cases = test::full_run() ? 100000 : 10000;
  int legal = 0;
  for (int i = 0; i < cases; ++i) {
    Arguments a = legal_arguments(draw);
    for (Index changes = draw(0, 2); changes > 0; --changes) spoil(a, draw);
    if (is_huge(a)) {
      expect_no_harm(a);
      continue;
    }
    const std::optional<ConvGeometry> g = geometry_of(a);
    legal += g.has_value();
    if (g) expect_definition(a, *g, draw);
    else expect_refused(a);
    if (HasFatalFailure()) return;
  }
  EXPECT_GT(legal, cases / 4);
  EXPECT_LT(legal, cases * 3 / 4);
}

TEST(ConvArguments, HaveRightDerivativesOfFirstAndSecondOrder) {
  Draw draw(2);
  const int cases = test::full_run() ? 400 : 40;
  for (int i = 0; i < cases; ++i) {
    const Arguments a = legal_arguments(draw);
    const std::optional<ConvGeometry> g = geometry_of(a);
    if (!g) continue;  // the random output_padding left nothing
    const test::FormValues values = test::random_values(*g, draw.random);
    const Operands made = operands_of(a, &values, draw.one_in(2));
    std::vector<Tensor> inputs;
    for (Tensor t : {made.input, made.w, made.bias})
      if (t.defined()) inputs.push_back(t.requires_grad_());
    const auto f = [&](std::span<const Tensor> in) {
      return std::vector{call(a, {in[0], in[1], in.size() > 2 ? in[2] : Tensor()})};
    };
    ASSERT_NO_THROW(gradcheck(f, inputs)) << to_string(a);
    ASSERT_NO_THROW(gradgradcheck(f, inputs)) << to_string(a);
  }
}

}  // namespace
}  // namespace voxgrad
