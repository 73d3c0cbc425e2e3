// Activations as layers.
#pragma once

#include <optional>

#include <voxgrad/nn/module.h>

namespace [[gnu::visibility("default")]] voxgrad {
namespace nn {

/// x, unchanged: a place holder.
class Identity final : public Layer<Identity> {
 public:
  Tensor forward(const Tensor& x) const { return x; }
  void visit(Visitor&) override {}
};

struct ReLUOptions {
  bool inplace = false;  ///< writes its argument and returns it
};

/// max(x, 0): torch.nn.ReLU.
class ReLU final : public Layer<ReLU> {
 public:
  explicit ReLU(const ReLUOptions& options = {}) : options_(options) {}
  Tensor forward(const Tensor& x) const;
  void visit(Visitor&) override {}
  std::string extra_repr() const override;

 private:
  ReLUOptions options_;
};

struct LeakyReLUOptions {
  double negative_slope = 0.01;
  bool inplace = false;
};

/// x where x > 0, else negative_slope * x: torch.nn.LeakyReLU.
class LeakyReLU final : public Layer<LeakyReLU> {
 public:
  explicit LeakyReLU(const LeakyReLUOptions& options = {}) : options_(options) {}
  Tensor forward(const Tensor& x) const;
  void visit(Visitor&) override {}
  std::string extra_repr() const override;
  const LeakyReLUOptions& options() const { return options_; }

 private:
  LeakyReLUOptions options_;
};

/// 1 / (1 + exp(-x)): torch.nn.Sigmoid.
class Sigmoid final : public Layer<Sigmoid> {
 public:
  Tensor forward(const Tensor& x) const;
  void visit(Visitor&) override {}
};

struct ELUOptions {
  double alpha = 1;
  bool inplace = false;
};

/// x where x > 0, else alpha * (exp(x) - 1): torch.nn.ELU.
class ELU final : public Layer<ELU> {
 public:
  explicit ELU(const ELUOptions& options = {}) : options_(options) {}
  Tensor forward(const Tensor& x) const;
  void visit(Visitor&) override {}
  std::string extra_repr() const override;

 private:
  ELUOptions options_;
};

struct GELUOptions {
  bool tanh = false;  ///< the approximation by tanh: approximate='tanh'
};

/// x times the normal distribution function: torch.nn.GELU.
class GELU final : public Layer<GELU> {
 public:
  explicit GELU(const GELUOptions& options = {}) : options_(options) {}
  Tensor forward(const Tensor& x) const;
  void visit(Visitor&) override {}
  std::string extra_repr() const override;

 private:
  GELUOptions options_;
};

struct SiLUOptions {
  bool inplace = false;
};

/// x * sigmoid(x): torch.nn.SiLU.
class SiLU final : public Layer<SiLU> {
 public:
  explicit SiLU(const SiLUOptions& options = {}) : options_(options) {}
  Tensor forward(const Tensor& x) const;
  void visit(Visitor&) override {}
  std::string extra_repr() const override;

 private:
  SiLUOptions options_;
};

struct PReLUOptions {
  Index num_parameters = 1;  ///< 1, or the number of channels
  double init = 0.25;
  std::optional<DType> dtype = {};  ///< default_dtype() when not given
};

/// x where x > 0, else weight * x, the weight being trained: torch.nn.PReLU.
class PReLU final : public Layer<PReLU> {
 public:
  /// @throws ShapeError unless num_parameters >= 1.
  explicit PReLU(const PReLUOptions& options = {});
  Tensor forward(const Tensor& x) const;
  void visit(Visitor& visitor) override { visitor.parameter("weight", weight); }
  std::string extra_repr() const override;

  Tensor weight;  ///< (num_parameters)
};

}  // namespace nn
}  // namespace voxgrad
