#include "tests/support/conv_oracle.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace voxgrad::test {
namespace {

// Position of a (channel-ish a, b, then three axes) index in a plain tensor.
struct Plain {
  Index b, size[3];
  std::size_t operator()(Index a, Index ib, Index i, Index j, Index k) const {
    return static_cast<std::size_t>((((a * b + ib) * size[0] + i) * size[1] + j) * size[2] + k);
  }
};

/// Calls f(x index, w index, y index) for every term of the form.
template <typename F>
void for_each_term(const ConvGeometry& g, F&& f) {
  const auto& [D, H, W] = g.axis;
  const Index mine = g.y_channels / g.groups, theirs = g.x_channels / g.groups;
  const Plain x{g.x_channels, {D.in, H.in, W.in}}, y{g.y_channels, {D.out, H.out, W.out}},
      w{theirs, {D.kernel, H.kernel, W.kernel}};
  const auto meets = [](const ConvAxis& a, Index o, Index k) {
    return o * a.stride - a.padding + k * a.dilation;
  };
  const auto inside = [](const ConvAxis& a, Index i) { return i >= 0 && i < a.in; };
  for (Index n = 0; n < g.batch; ++n)
    for (Index co = 0; co < g.y_channels; ++co)
      for (Index ci = 0; ci < theirs; ++ci)
        for (Index a = 0; a < D.kernel; ++a)
          for (Index b = 0; b < H.kernel; ++b)
            for (Index c = 0; c < W.kernel; ++c)
              for (Index od = 0; od < D.out; ++od)
                for (Index oh = 0; oh < H.out; ++oh)
                  for (Index ow = 0; ow < W.out; ++ow) {
                    const Index d = meets(D, od, a), h = meets(H, oh, b), v = meets(W, ow, c);
                    if (!inside(D, d) || !inside(H, h) || !inside(W, v)) continue;
                    f(x(n, co / mine * theirs + ci, d, h, v), w(co, ci, a, b, c),
                      y(n, co, od, oh, ow));
                  }
}

std::size_t count(const ConvGeometry& geometry, Slot slot) {
  return static_cast<std::size_t>(element_count(slot_shape(geometry, slot)));
}

template <typename Draw>
FormValues fill(const ConvGeometry& geometry, Draw&& draw) {
  FormValues values;
  for (const Slot slot : kSlots) {
    values.at(slot).resize(count(geometry, slot));
    for (double& value : values.at(slot)) value = draw();
  }
  return values;
}

template <typename T>
void write(Tensor& tensor, const Values& values) {
  T* data = tensor.mutable_data<T>();
  const Shape& shape = tensor.shape();
  std::vector<Index> at(shape.size());
  for (const double value : values) {
    Index offset = 0;
    for (std::size_t i = 0; i < shape.size(); ++i) offset += at[i] * tensor.strides()[i];
    data[offset] = static_cast<T>(value);
    for (std::size_t i = shape.size(); i-- > 0;) {
      if (++at[i] < shape[i]) break;
      at[i] = 0;
    }
  }
}

Tensor with_values(Tensor tensor, const Values& values) {
  visit_floating(tensor.dtype(), [&]<typename T>() { write<T>(tensor, values); });
  return tensor;
}

}  // namespace

OracleResult conv_oracle(Slot produced, const ConvGeometry& geometry, const FormValues& values) {
  const Values zeros(count(geometry, produced));
  OracleResult result{zeros, zeros, zeros};
  const auto add = [&](std::size_t at, double product) {
    result.sum[at] += product;
    result.magnitude[at] += std::abs(product);
    result.terms[at] += 1;
  };
  for_each_term(geometry, [&](std::size_t x, std::size_t w, std::size_t y) {
    if (produced == Slot::x) add(x, values.w[w] * values.y[y]);
    if (produced == Slot::w) add(w, values.x[x] * values.y[y]);
    if (produced == Slot::y) add(y, values.x[x] * values.w[w]);
  });
  return result;
}

FormValues random_values(const ConvGeometry& geometry, std::mt19937& random) {
  std::normal_distribution<double> normal;
  return fill(geometry, [&] { return normal(random); });
}

FormValues whole_values(const ConvGeometry& geometry, std::mt19937& random) {
  std::uniform_int_distribution<int> whole(-4, 4);
  return fill(geometry, [&] { return static_cast<double>(whole(random)); });
}

Values absolute(Values values) {
  for (double& value : values) value = std::abs(value);
  return values;
}

double dot(const Values& a, const Values& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

double norm(const Values& values) { return std::sqrt(dot(values, values)); }

Tensor to_tensor(const Values& values, const Shape& shape, DType dtype, bool channels_last) {
  return with_values(
      channels_last ? Tensor::empty_channels_last(shape, dtype) : Tensor::empty(shape, dtype),
      values);
}

Tensor to_awkward_tensor(const Values& values, const Shape& shape, DType dtype) {
  Strides strides(shape.size());
  Index stride = 1, last = 0;
  for (std::size_t i = 0; i < shape.size(); ++i) {  // the first axis runs fastest, with gaps
    strides[i] = stride;
    last += stride * std::max<Index>(shape[i] - 1, 0);
    stride *= shape[i] + 1;
  }
  const Tensor whole = Tensor::empty({last + 3}, dtype);
  return with_values(whole.alias(shape, strides, 2), values);
}

Values to_values(const Tensor& tensor) {
  return visit_floating(tensor.dtype(), [&]<typename T>() {
    const std::vector<T> values = tensor.to_vector<T>();
    return Values(values.begin(), values.end());
  });
}

}  // namespace voxgrad::test
