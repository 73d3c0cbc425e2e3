#include <gtest/gtest.h>
#include <voxgrad/autograd/functions/elementwise.h>
#include <voxgrad/autograd/functions/reduce.h>
#include <voxgrad/core/error.h>
#include <voxgrad/nn/activation.h>
#include <voxgrad/nn/container.h>
#include <voxgrad/nn/linear.h>
#include <voxgrad/nn/module.h>
#include <voxgrad/nn/norm.h>

#include <sstream>

namespace voxgrad {
namespace {

// Two linear layers of one weight, and a norm: parameters, tied ones, buffers, nested children.
struct Tied final : nn::Layer<Tied> {
  nn::Linear first{{.in_features = 3, .out_features = 3}};
  nn::Linear second{{.in_features = 3, .out_features = 3, .bias = false}};
  nn::BatchNorm1d norm{{.num_features = 3}};
  Tied() { second.weight = first.weight; }
  Tensor forward(const Tensor& x) { return norm(second(relu(first(x)))); }
  void visit(nn::Visitor& visitor) override {
    visitor.child("first", first);
    visitor.child("second", second);
    visitor.child("norm", norm);
  }
};

std::vector<std::string> names(const nn::StateDict& state) {
  std::vector<std::string> result;
  for (const auto& [name, tensor] : state) result.push_back(name);
  return result;
}

nn::StateDict copied(const nn::StateDict& state) {
  nn::StateDict result;
  for (const auto& [name, tensor] : state) result.emplace_back(name, tensor.clone());
  return result;
}

TEST(Module, StateDictHasEveryNameInOrder) {
  const Tied net;
  EXPECT_EQ(names(net.state_dict()),
            (std::vector<std::string>{"first.weight", "first.bias", "second.weight", "norm.weight",
                                      "norm.bias", "norm.running_mean", "norm.running_var",
                                      "norm.num_batches_tracked"}));
}

TEST(Module, ParametersHaveTiedTensorsOnce) {
  const Tied net;
  EXPECT_EQ(names(net.named_parameters()),
            (std::vector<std::string>{"first.weight", "first.bias", "norm.weight", "norm.bias"}));
  EXPECT_EQ(net.parameters().size(), 4U);
  EXPECT_TRUE(net.parameters()[0].is_same(net.second.weight));
  EXPECT_EQ(net.parameter_count(), 9 + 3 + 3 + 3);
}

TEST(Module, StateDictSharesMemoryOutsideTheGraph) {
  Tied net;
  Tensor weight = net.state_dict()[0].second;
  EXPECT_FALSE(weight.requires_grad());
  weight.fill_(2);
  EXPECT_EQ(net.first.weight.to_vector<float>(), std::vector<float>(9, 2.0F));
}

TEST(Module, LoadStateDictCopiesIntoTheSameTensors) {
  Tied from;
  Tied to;
  const Tensor handle = to.first.bias;
  to.load_state_dict(from.state_dict());
  EXPECT_TRUE(handle.is_same(to.first.bias));
  EXPECT_TRUE(handle.requires_grad());
  EXPECT_EQ(handle.to_vector<float>(), from.first.bias.to_vector<float>());
  EXPECT_NE(handle.data<float>(), from.first.bias.data<float>());
}

TEST(Module, LoadStateDictConvertsTheDtype) {
  nn::Linear wide({.in_features = 2, .out_features = 3, .dtype = DType::float64});
  nn::Linear narrow({.in_features = 2, .out_features = 3});
  narrow.load_state_dict(wide.state_dict());
  EXPECT_EQ(narrow.weight.dtype(), DType::float32);
  EXPECT_EQ(narrow.weight.to_vector<float>()[5],
            static_cast<float>(wide.weight.to_vector<double>()[5]));
}

TEST(Module, LoadStateDictNamesWhatDiffersAndWritesNothing) {
  Tied net;
  const nn::StateDict before = copied(net.state_dict());
  nn::StateDict state = copied(net.state_dict());
  state[0].second.fill_(7);
  state[1].first = "frist.bias";
  try {
    net.load_state_dict(state);
    FAIL();
  } catch (const KeyError& error) {
    const std::string text = error.what();
    EXPECT_NE(text.find("missing [first.bias]"), std::string::npos) << text;
    EXPECT_NE(text.find("unexpected [frist.bias]"), std::string::npos) << text;
  }
  EXPECT_EQ(net.first.weight.to_vector<float>(), before[0].second.to_vector<float>());
}

TEST(Module, LoadStateDictRefusesOtherShapesAlsoWhenNotStrict) {
  Tied net;
  nn::StateDict state = copied(net.state_dict());
  const auto before = net.first.weight.to_vector<float>();
  state[0].second.fill_(7);
  state[1].second = Tensor::from(std::vector<float>{1, 2}, {2});
  EXPECT_THROW(net.load_state_dict(state, false), ShapeError);
  EXPECT_EQ(net.first.weight.to_vector<float>(), before);
}

TEST(Module, LoadStateDictNamesTheFirstMisfitsAndCountsTheRest) {
  const nn::LinearOptions square = {.in_features = 2, .out_features = 2};
  nn::Sequential deep{nn::Linear(square), nn::Linear(square), nn::Linear(square),
                      nn::Linear(square)};
  const auto message = [&](const nn::StateDict& state) {
    try {
      deep.load_state_dict(state);
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  nn::StateDict state = copied(deep.state_dict());
  for (auto& [name, tensor] : state) tensor = Tensor::from(std::vector<float>{1}, {1});
  EXPECT_EQ(message(state),
            "load_state_dict: each tensor must have its shape in Sequential; got 0.weight [1] for "
            "[2, 2], 0.bias [1] for [2], 1.weight [1] for [2, 2] and 5 more (of 8)");
  for (auto& [name, tensor] : state) name = "other." + name;
  EXPECT_EQ(message(state),
            "load_state_dict: the names must be those of Sequential; got missing [0.weight, "
            "0.bias, 1.weight and 5 more] and unexpected [other.0.weight, other.0.bias, "
            "other.1.weight and 5 more] (strict = false passes over them)");
}

TEST(Module, LoadStateDictRefusesANameTwice) {
  nn::Linear net({.in_features = 2, .out_features = 3});
  nn::StateDict state = net.state_dict();
  state.push_back(state[0]);
  EXPECT_THROW(net.load_state_dict(state), KeyError);
}

TEST(Module, LoadStateDictThatIsNotStrictReportsTheNames) {
  nn::Linear net({.in_features = 2, .out_features = 3});
  nn::StateDict state = copied(net.state_dict());
  state[0].second.fill_(7);
  state[1].first = "other";
  const nn::LoadReport report = net.load_state_dict(state, false);
  EXPECT_EQ(report.missing, std::vector<std::string>{"bias"});
  EXPECT_EQ(report.unexpected, std::vector<std::string>{"other"});
  EXPECT_EQ(net.weight.to_vector<float>(), std::vector<float>(6, 7.0F));
}

TEST(Module, ToDtypeReachesEveryHandle) {
  Tied net;
  const Tensor handle = net.second.weight;
  const float before = handle.to_vector<float>()[4];
  Tensor loss = sum(net.first(Tensor::from(std::vector<float>{1, 2, 3}, {1, 3})));
  loss.backward();
  net.to(DType::float64);
  EXPECT_EQ(handle.dtype(), DType::float64);
  EXPECT_EQ(handle.to_vector<double>()[4], static_cast<double>(before));
  EXPECT_TRUE(handle.is_same(net.first.weight));
  EXPECT_TRUE(handle.requires_grad());
  EXPECT_EQ(handle.grad().dtype(), DType::float64);
  EXPECT_EQ(handle.grad().to_vector<double>(), (std::vector<double>{1, 2, 3, 1, 2, 3, 1, 2, 3}));
  EXPECT_EQ(net.norm.running_mean.dtype(), DType::float64);
  EXPECT_EQ(net.norm.num_batches_tracked.dtype(), DType::int64);
  EXPECT_THROW(net.to(DType::int32), DTypeError);
}

TEST(Module, GradientsHaveTheNewDtypeAfterTo) {
  nn::Linear net({.in_features = 2, .out_features = 3});
  sum(net(Tensor::from(std::vector<float>{1, 2}, {1, 2}))).backward();
  net.zero_grad();
  net.to(DType::float64);
  sum(net(Tensor::from(std::vector<double>{1, 2}, {1, 2}))).backward();
  EXPECT_EQ(net.weight.grad().to_vector<double>(), (std::vector<double>{1, 2, 1, 2, 1, 2}));
}

TEST(Module, AGraphFromBeforeToGivesNoGradientOfAnotherDtype) {
  nn::Linear net({.in_features = 2, .out_features = 3});
  const Tensor loss = sum(net(Tensor::from(std::vector<float>{1, 2}, {1, 2})));
  net.to(DType::float64);
  EXPECT_THROW(loss.backward(), DTypeError);
  EXPECT_FALSE(net.weight.grad().defined());
}

TEST(Module, TrainAndEvalReachTheChildren) {
  Tied net;
  EXPECT_TRUE(net.norm.is_training());
  net.eval();
  EXPECT_FALSE(net.is_training());
  EXPECT_FALSE(net.norm.is_training());
  net.train();
  EXPECT_TRUE(net.norm.is_training());
}

TEST(Module, ZeroGradDropsOrZeroes) {
  nn::Linear net({.in_features = 2, .out_features = 3});
  sum(net(Tensor::from(std::vector<float>{1, 2}, {1, 2}))).backward();
  const Tensor grad = net.weight.grad();
  net.zero_grad(false);
  EXPECT_TRUE(net.weight.grad().is_same(grad));
  EXPECT_EQ(net.weight.grad().to_vector<float>(), std::vector<float>(6, 0.0F));
  net.zero_grad();
  EXPECT_FALSE(net.weight.grad().defined());
}

TEST(Module, RequiresGradFreezes) {
  Tied net;
  net.requires_grad_(false);
  const Tensor x = Tensor::from(std::vector<float>{1, 2, 3, 4, 5, 7}, {2, 3});
  EXPECT_FALSE(net(x).requires_grad());
  net.requires_grad_();
  EXPECT_TRUE(net(x).requires_grad());
}

TEST(Module, ApplyVisitsChildrenFirst) {
  Tied net;
  std::vector<std::string> visited;
  net.apply([&](nn::Module& module) { visited.push_back(module.type_name()); });
  EXPECT_EQ(visited, (std::vector<std::string>{"Linear", "Linear", "BatchNorm1d", "Tied"}));
}

TEST(Module, CloneIsIndependentAndKeepsTies) {
  Tied net;
  net.norm.eval();
  net.first.bias.requires_grad_(false);
  const std::unique_ptr<Tied> copy = net.clone();
  EXPECT_EQ(copy->first.weight.to_vector<float>(), net.first.weight.to_vector<float>());
  EXPECT_TRUE(copy->second.weight.is_same(copy->first.weight));
  EXPECT_FALSE(copy->first.weight.is_same(net.first.weight));
  EXPECT_TRUE(copy->first.weight.requires_grad());
  EXPECT_FALSE(copy->first.bias.requires_grad());
  EXPECT_FALSE(copy->norm.is_training());
  const auto before = net.first.weight.to_vector<float>();
  nn::StateDict state = copy->state_dict();
  for (auto& [name, tensor] : state) tensor.fill_(3);
  EXPECT_EQ(net.first.weight.to_vector<float>(), before);
  EXPECT_EQ(net.norm.running_mean.to_vector<float>(), std::vector<float>(3, 0.0F));
}

TEST(Module, CloneHasNoGradients) {
  nn::Linear net({.in_features = 2, .out_features = 3});
  sum(net(Tensor::from(std::vector<float>{1, 2}, {1, 2}))).backward();
  EXPECT_FALSE(net.clone()->weight.grad().defined());
}

TEST(Module, CopiesAreRefused) {
  const nn::Linear net({.in_features = 2, .out_features = 3});
  EXPECT_THROW(nn::Linear copy(net), Error);
  EXPECT_FALSE(std::is_copy_assignable_v<nn::Linear>);
  EXPECT_NO_THROW(net.clone());
  EXPECT_THROW(nn::Linear copy(net), Error) << "clone() must not leave copying open";
}

TEST(Module, MovesKeepTheTensors) {
  Tied net;
  const Tensor weight = net.first.weight;
  Tied moved = std::move(net);
  EXPECT_TRUE(moved.first.weight.is_same(weight));
}

struct Uncopyable final : nn::Layer<Uncopyable> {
  std::unique_ptr<int> number;
  void visit(nn::Visitor&) override {}
};

TEST(Module, CloneOfAnUncopyableClassSaysSo) {
  const Uncopyable net;
  EXPECT_THROW(net.clone(), Error);
}

TEST(Module, PrintsLikePyTorch) {
  Tied net;
  std::ostringstream text;
  text << net;
  EXPECT_EQ(text.str(),
            "Tied(\n"
            "  (first): Linear(in_features=3, out_features=3, bias=True)\n"
            "  (second): Linear(in_features=3, out_features=3, bias=False)\n"
            "  (norm): BatchNorm1d(3, eps=1e-05, momentum=0.1, affine=True, "
            "track_running_stats=True)\n"
            ")");
}

TEST(Module, PrintsNestedChildrenIndented) {
  nn::Sequential inner{nn::ReLU{}};
  nn::Sequential outer{std::move(inner), nn::Sigmoid{}};
  EXPECT_EQ(outer.repr(),
            "Sequential(\n"
            "  (0): Sequential(\n"
            "    (0): ReLU()\n"
            "  )\n"
            "  (1): Sigmoid()\n"
            ")");
}

}  // namespace
}  // namespace voxgrad
