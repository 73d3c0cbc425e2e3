#include <voxgrad/autograd/adjoint.h>

#include <algorithm>
#include <cmath>

#include <voxgrad/autograd/engine.h>
#include <voxgrad/autograd/functions/creation.h>
#include <voxgrad/autograd/functions/elementwise.h>
#include <voxgrad/autograd/functions/reduce.h>
#include <voxgrad/autograd/grad_mode.h>
#include <voxgrad/core/check.h>
#include <voxgrad/core/random.h>

namespace voxgrad {
namespace {

double dot(const Tensor& a, const Tensor& b) {
  const NoGrad values_only;
  return sum(a.to(DType::float64) * b.to(DType::float64)).item();
}

std::vector<Tensor> leaves_of(const std::vector<Tensor>& inputs) {
  std::vector<Tensor> leaves;
  for (const Tensor& input : inputs) {
    VG_CHECK(input.defined() && is_floating(input.dtype()), DTypeError,
             "check_adjoint: inputs must be floating tensors; got {}",
             input.defined() ? name(input.dtype()) : "none");
    leaves.push_back(input.detach().clone().requires_grad_());  // f may write in place
  }
  VG_CHECK(!leaves.empty(), AutogradError, "check_adjoint: there must be an input; got none");
  return leaves;
}

/// The outputs that have a derivative.
std::vector<Tensor> differentiable(std::vector<Tensor> outputs) {
  std::erase_if(outputs, [](const Tensor& t) { return !t.defined() || !t.requires_grad(); });
  VG_CHECK(!outputs.empty(), AutogradError,
           "check_adjoint: f must give a tensor that depends differentiably on its inputs; got "
           "none");
  return outputs;
}

}  // namespace

double AdjointCheck::gap() const {
  double largest = 0;
  for (const double value : backward) {
    const double difference = std::abs(value - forward);
    if (!(difference <= largest)) largest = difference;  // NaN stays
    if (std::isnan(largest)) break;
  }
  return largest;
}

AdjointCheck check_adjoint(const TensorFunction& f, const std::vector<Tensor>& inputs,
                           std::uint64_t seed) {
  VG_CHECK(f != nullptr, AutogradError, "check_adjoint: f must be a function; got none");
  const GradMode recording(true);
  const std::vector<Tensor> leaves = leaves_of(inputs);
  const std::vector<Tensor> outputs = differentiable(f(leaves));
  std::vector<Tensor> origin = leaves;
  origin[0] = zeros_like(leaves[0]).requires_grad_();
  const std::vector<Tensor> offsets = differentiable(f(origin));
  VG_CHECK(offsets.size() == outputs.size(), AutogradError,
           "check_adjoint: f must always give as many tensors; got {} and, at zero, {}",
           outputs.size(), offsets.size());

  Generator generator(seed);
  AdjointCheck check;
  std::vector<Tensor> directions;
  double y_squares = 0, f_squares = 0;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    VG_CHECK(offsets[i].shape() == outputs[i].shape(), AutogradError,
             "check_adjoint: f must always give the same shapes; got {} and, at zero, {}",
             outputs[i].shape(), offsets[i].shape());
    const Tensor value = outputs[i].detach() - offsets[i].detach();
    directions.push_back(randn(value.shape(), value.dtype(), value.device(), generator));
    check.forward += dot(directions[i], value);
    y_squares += dot(directions[i], directions[i]);
    f_squares += dot(value, value);
  }
  check.scale = std::sqrt(y_squares) * std::sqrt(f_squares);
  const std::vector<Tensor> gradients = grad(outputs, leaves, directions, {.allow_unused = true});
  for (std::size_t i = 0; i < leaves.size(); ++i)
    check.backward.push_back(gradients[i].defined() ? dot(leaves[i], gradients[i]) : 0);
  return check;
}

AdjointCheck check_adjoint(const std::function<Tensor(const Tensor&)>& f, const Tensor& x,
                           std::uint64_t seed) {
  VG_CHECK(f != nullptr, AutogradError, "check_adjoint: f must be a function; got none");
  return check_adjoint([&f](std::span<const Tensor> inputs) { return std::vector{f(inputs[0])}; },
                       {x}, seed);
}

}  // namespace voxgrad
