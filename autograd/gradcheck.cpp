#include <voxgrad/autograd/gradcheck.h>

#include <algorithm>
#include <cmath>

#include <voxgrad/autograd/engine.h>
#include <voxgrad/autograd/grad_mode.h>
#include <voxgrad/core/check.h>
#include <voxgrad/core/random.h>

namespace voxgrad {
namespace {

using Values = std::vector<double>;

Values random_values(Index count, Generator& generator) {
  Values values(static_cast<std::size_t>(count));
  fill_uniform(values.data(), count, -1.0, 1.0, generator);
  return values;
}

double dot(const Values& a, const Values& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

/// In logical order, wherever the tensor lies.
Values values_of(const Tensor& x) { return x.detach().to(Device{}).to_vector<double>(); }

Tensor tensor_of(const Values& values, const Tensor& like) {
  return Tensor::from(values, like.shape()).to(like.device());
}

/// A leaf with the values of `like` moved along `direction`; keeps the layout.
Tensor moved(const Tensor& like, const Values& direction, double by) {
  Values values = values_of(like);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] += by * direction[i];
  Tensor result = Tensor::empty_like(like);
  result.copy_(tensor_of(values, like));
  return result;
}

/// <f(inputs), u> over the outputs that carry gradients.
double projected(const std::vector<Tensor>& outputs, const std::vector<Values>& u) {
  double sum = 0;
  for (std::size_t i = 0; i < outputs.size(); ++i)
    if (!u[i].empty()) sum += dot(values_of(outputs[i]), u[i]);
  return sum;
}

class Check {
 public:
  Check(const TensorFunction& f, const std::vector<Tensor>& inputs, const GradcheckOptions& options)
      : f_(f), inputs_(inputs), options_(options), generator_(options.seed) {
    bool any = false;
    for (const Tensor& input : inputs) {
      if (!input.defined() || !input.requires_grad()) continue;
      any = true;
      VG_CHECK(input.dtype() == DType::float64, DTypeError,
               "gradcheck: inputs that want gradients must be float64; got {}",
               name(input.dtype()));
    }
    VG_CHECK(any, AutogradError, "gradcheck: an input must want a gradient; got none that does");
  }

  void run() {
    const std::vector<Tensor> outputs = f_(inputs_);
    VG_CHECK(std::ranges::any_of(outputs, &Tensor::requires_grad), AutogradError,
             "gradcheck: an output must want a gradient; got none of {} that does", outputs.size());
    check_same_values(outputs, f_(inputs_));
    for (int i = 0; i < options_.projections; ++i) project(outputs);
  }

 private:
  static void check_same_values(const std::vector<Tensor>& first,
                                const std::vector<Tensor>& second) {
    bool same = first.size() == second.size();
    for (std::size_t i = 0; same && i < first.size(); ++i) {
      if (!first[i].requires_grad()) continue;
      same = first[i].shape() == second[i].shape() && values_of(first[i]) == values_of(second[i]);
    }
    VG_CHECK(same, AutogradError,
             "gradcheck: the function must give the same values each time; got others at the "
             "second call");
  }

  void project(const std::vector<Tensor>& outputs) {
    std::vector<Values> u;
    std::vector<Tensor> differentiable, cotangents;
    for (const Tensor& output : outputs) {
      u.emplace_back();
      if (!output.requires_grad()) continue;
      u.back() = random_values(output.numel(), generator_);
      differentiable.push_back(output);
      cotangents.push_back(tensor_of(u.back(), output));
    }
    std::vector<Tensor> wanted;
    for (const Tensor& input : inputs_)
      if (input.defined() && input.requires_grad()) wanted.push_back(input);
    const std::vector<Tensor> gradients =
        grad(differentiable, wanted, cotangents, {.retain_graph = true, .allow_unused = true});
    for (std::size_t i = 0, at = 0; i < inputs_.size(); ++i)
      if (inputs_[i].defined() && inputs_[i].requires_grad()) compare(i, gradients[at++], u);
  }

  void compare(std::size_t i, const Tensor& gradient, const std::vector<Values>& u) {
    const Values direction = random_values(inputs_[i].numel(), generator_);
    const double analytic = gradient.defined() ? dot(values_of(gradient), direction) : 0;
    const double up = at(i, direction, options_.eps, u), down = at(i, direction, -options_.eps, u);
    const double numeric = (up - down) / (2 * options_.eps);
    VG_CHECK(std::abs(analytic - numeric) <= options_.atol + options_.rtol * std::abs(numeric),
             AutogradError,
             "gradcheck: the derivative by input {} must be the slope of the function; got {:.12g} "
             "where finite differences give {:.12g}",
             i, analytic, numeric);
  }

  double at(std::size_t i, const Values& direction, double by, const std::vector<Values>& u) {
    std::vector<Tensor> inputs = inputs_;
    {
      const NoGrad guard;
      inputs[i] = moved(inputs_[i], direction, by);
    }
    inputs[i].requires_grad_();
    return projected(f_(inputs), u);
  }

  const TensorFunction& f_;
  const std::vector<Tensor>& inputs_;
  const GradcheckOptions& options_;
  Generator generator_;
};

}  // namespace

void gradcheck(const TensorFunction& f, const std::vector<Tensor>& inputs,
               const GradcheckOptions& options) {
  Check(f, inputs, options).run();
}

void gradgradcheck(const TensorFunction& f, const std::vector<Tensor>& inputs,
                   const GradcheckOptions& options) {
  Generator generator(options.seed + 1);
  std::vector<Tensor> all = inputs;
  std::vector<std::size_t> outputs_with_grad;
  const std::vector<Tensor> outputs = f(inputs);
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (!outputs[i].requires_grad()) continue;
    outputs_with_grad.push_back(i);
    const Values u = random_values(outputs[i].numel(), generator);
    all.push_back(tensor_of(u, outputs[i]).requires_grad_());
  }
  const auto derivative = [&](std::span<const Tensor> arguments) {
    const std::span<const Tensor> points = arguments.first(inputs.size());
    const std::vector<Tensor> values = f(points);
    std::vector<Tensor> differentiable, wanted;
    for (const std::size_t i : outputs_with_grad) differentiable.push_back(values[i]);
    for (const Tensor& point : points)
      if (point.defined() && point.requires_grad()) wanted.push_back(point);
    std::vector<Tensor> gradients = grad(differentiable, wanted, arguments.subspan(inputs.size()),
                                         {.create_graph = true, .allow_unused = true});
    std::erase_if(gradients, [](const Tensor& gradient) { return !gradient.defined(); });
    return gradients;
  };
  gradcheck(derivative, all, options);
}

}  // namespace voxgrad
