// Activations as layers.
#pragma once

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

 private:
  LeakyReLUOptions options_;
};

/// 1 / (1 + exp(-x)): torch.nn.Sigmoid.
class Sigmoid final : public Layer<Sigmoid> {
 public:
  Tensor forward(const Tensor& x) const;
  void visit(Visitor&) override {}
};

}  // namespace nn
}  // namespace voxgrad
