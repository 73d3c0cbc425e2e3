#include <gtest/gtest.h>

#include <functional>

#include <voxgrad/autograd/functions/creation.h>
#include <voxgrad/autograd/functions/elementwise.h>
#include <voxgrad/core/error.h>
#include <voxgrad/core/random.h>
#include <voxgrad/nn/activation.h>
#include <voxgrad/nn/container.h>
#include <voxgrad/nn/linear.h>
#include <voxgrad/nn/norm.h>

namespace voxgrad {
namespace {

nn::Linear linear(Index in, Index out) {
  return nn::Linear({.in_features = in, .out_features = out});
}

TEST(Sequential, MakesItsLayersFromLeftToRight) {
  manual_seed(5);
  const nn::Linear first = linear(6, 3);
  const nn::Linear second = linear(3, 2);
  manual_seed(5);
  nn::Sequential net{linear(6, 3), nn::ReLU{}, linear(3, 2)};
  const nn::StateDict state = net.state_dict();
  ASSERT_EQ(state.size(), 4U);
  EXPECT_EQ(state[0].first, "0.weight");
  EXPECT_EQ(state[3].first, "2.bias");
  EXPECT_EQ(state[0].second.to_vector<float>(), first.weight.to_vector<float>());
  EXPECT_EQ(state[3].second.to_vector<float>(), second.bias.to_vector<float>());
  // After seed 5: the last bias of a Linear(6, 3), and the first weight of the Linear(3, 2) after
  // it, from the script that init_test.cpp describes.
  EXPECT_EQ(state[1].second.to_vector<float>().back(), 0x1.1be0d2p-3F);
  EXPECT_EQ(state[2].second.to_vector<float>().front(), -0x1.1a0990p-2F);
}

TEST(Sequential, CallsModulesAndFunctionsInOrder) {
  nn::Sequential net{[](const Tensor& x) { return x * 2.0; },
                     [](const Tensor& x) { return x + 1.0; }, nn::ReLU{}};
  const Tensor y = net(Tensor::from(std::vector<float>{-3, 2}, {2}));
  EXPECT_EQ(y.to_vector<float>(), (std::vector<float>{0, 5}));
}

/// Output, then all gradients, of the layers called by `call`.
std::vector<std::vector<float>> run(nn::Sequential& net,
                                    const std::function<Tensor(const Tensor&)>& call) {
  Generator generator(3);
  const Tensor x = randn({2, 3, 4, 5}, DType::float32, {}, generator).requires_grad_();
  const Tensor y = call(x);
  y.backward(randn(y.shape(), DType::float32, {}, generator));
  std::vector<std::vector<float>> result{y.to_vector<float>(), x.grad().to_vector<float>()};
  for (const auto& [name, tensor] : net.state_dict()) {
    result.push_back(tensor.to(DType::float32).to_vector<float>());
    if (tensor.grad().defined()) result.push_back(tensor.grad().to_vector<float>());
  }
  return result;
}

TEST(Sequential, RunsANormAndItsActivationAsOneWithTheSameBits) {
  const auto make = [](nn::AnyLayer activation) {
    return nn::Sequential{nn::BatchNorm2d({.num_features = 3}), activation,
                          nn::InstanceNorm2d({.num_features = 3, .affine = true}), activation,
                          nn::BatchNorm2d({.num_features = 3})};
  };
  for (const nn::AnyLayer& activation :
       {nn::AnyLayer(nn::ReLU{}), nn::AnyLayer(nn::ReLU({.inplace = true})),
        nn::AnyLayer(nn::LeakyReLU({.negative_slope = 0.2})), nn::AnyLayer(nn::Sigmoid{})}) {
    nn::Sequential net = make(activation), apart = make(activation);
    const auto one_by_one = [&](Tensor x) {
      x = dynamic_cast<nn::BatchNorm2d&>(apart[0])(x);
      x = activation(x);
      x = dynamic_cast<nn::InstanceNorm2d&>(apart[2])(x);
      x = activation(x);
      return dynamic_cast<nn::BatchNorm2d&>(apart[4])(x);
    };
    EXPECT_EQ(run(net, [&](const Tensor& x) { return net(x); }), run(apart, one_by_one));
  }
}

TEST(Sequential, IsTheIdentityWhenEmpty) {
  nn::Sequential net;
  const Tensor x = Tensor::from(std::vector<float>{1}, {1});
  EXPECT_TRUE(net(x).is_same(x));
}

TEST(Sequential, AddsUnderNamesAndNumbers) {
  nn::Sequential net;
  net.add("in", linear(2, 3)).add(nn::ReLU{}).add(linear(3, 2));
  const nn::StateDict state = net.state_dict();
  EXPECT_EQ(state[0].first, "in.weight");
  EXPECT_EQ(state[2].first, "2.weight");
  EXPECT_EQ(net.size(), 3U);
  EXPECT_EQ(net[1].type_name(), "ReLU");
  EXPECT_THROW(net[3], IndexError);
  EXPECT_THROW(net.add("in", nn::ReLU{}), KeyError);
  EXPECT_EQ(net.size(), 3U);
}

TEST(Sequential, HoldsASharedLayerTwice) {
  const auto shared = std::make_shared<nn::Linear>(linear(2, 2));
  nn::Sequential net{shared, shared};
  EXPECT_EQ(net.parameters().size(), 2U);
  EXPECT_EQ(net.state_dict().size(), 4U);
  const auto copy = net.clone();
  EXPECT_EQ(copy->parameters().size(), 2U) << "the copy must be tied too";
}

TEST(Sequential, CloneIsIndependent) {
  nn::Sequential net{linear(2, 3), [](const Tensor& x) { return x * 2.0; }};
  const auto copy = net.clone();
  const Tensor x = Tensor::from(std::vector<float>{1, 2}, {1, 2});
  const auto before = net(x).to_vector<float>();
  EXPECT_EQ((*copy)(x).to_vector<float>(), before);
  nn::StateDict state = copy->state_dict();
  for (auto& [name, tensor] : state) tensor.fill_(1);
  EXPECT_EQ(net(x).to_vector<float>(), before);
  EXPECT_EQ((*copy)(x).to_vector<float>(), std::vector<float>(3, 8.0F));
}

TEST(Sequential, RefusesNull) {
  EXPECT_THROW(nn::Sequential({std::shared_ptr<nn::ReLU>()}), Error);
  EXPECT_THROW(nn::Function(nn::Function::Call{}), Error);
}

TEST(ModuleList, NamesItsModulesByNumber) {
  nn::ModuleList<nn::Linear> list;
  EXPECT_TRUE(list.add(linear(2, 3)).weight.is_same(list[0].weight));
  list.add(linear(3, 2));
  EXPECT_EQ(list.size(), 2U);
  EXPECT_EQ(list.state_dict()[2].first, "1.weight");
  const auto copy = list.clone();
  EXPECT_FALSE((*copy)[1].weight.is_same(list[1].weight));
  EXPECT_EQ((*copy)[1].weight.to_vector<float>(), list[1].weight.to_vector<float>());
  EXPECT_EQ(list.type_name(), "ModuleList");
}

}  // namespace
}  // namespace voxgrad
