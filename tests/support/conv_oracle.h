// The convolution form by its definition: every term once, in double, sharing no code with the
// library.
#pragma once

#include <random>
#include <vector>

#include <voxgrad/core/conv_geometry.h>
#include <voxgrad/core/tensor.h>

namespace voxgrad::test {

inline constexpr Slot kSlots[] = {Slot::x, Slot::w, Slot::y};

/// Elements of a slot in logical (plain) order.
using Values = std::vector<double>;

struct FormValues {
  Values x, w, y;

  Values& at(Slot slot) { return slot == Slot::x ? x : slot == Slot::w ? w : y; }
  const Values& at(Slot slot) const { return slot == Slot::x ? x : slot == Slot::w ? w : y; }
};

/// The partial derivative of the form by one slot: for each element the sum, over all terms, of the
/// product of the two other factors; the sum of those products' absolute values; and how many they
/// are.
struct OracleResult {
  Values sum, magnitude, terms;
};
OracleResult conv_oracle(Slot produced, const ConvGeometry& geometry, const FormValues& values);

/// Standard normal values for all slots, or whole numbers from -4 to 4.
FormValues random_values(const ConvGeometry& geometry, std::mt19937& random);
FormValues whole_values(const ConvGeometry& geometry, std::mt19937& random);

Values absolute(Values values);
double dot(const Values& a, const Values& b);
double norm(const Values& values);

/// A tensor of the values, rounded to the dtype, in plain layout or channels-last.
Tensor to_tensor(const Values& values, const Shape& shape, DType dtype, bool channels_last = false);

/// The same values in a layout that is neither plain nor channels-last: reversed axis order, cut
/// out of a larger tensor.
Tensor to_awkward_tensor(const Values& values, const Shape& shape, DType dtype);

/// Logical order.
Values to_values(const Tensor& tensor);

}  // namespace voxgrad::test
