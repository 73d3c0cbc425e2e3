#include "examples/support/report.h"

#include <gtest/gtest.h>

#include <string>

#include "examples/support/run_main.h"
#include "tests/support/temporary_folder.h"

namespace voxgrad::examples {
namespace {

using test::message_of;

class Weights : public testing::Test {
 protected:
  std::string refusal(const nn::StateDict& state, const std::string& channels,
                      const std::string& spacing = "2") const {
    save_safetensors(path, state, {{"channels", channels}, {"spacing", spacing}});
    return message_of<UsageError>([&] { load_network(path); });
  }

  const test::TemporaryFolder folder;
  const std::string path = folder / "weights.safetensors";
};

TEST_F(Weights, ComeBackWithTheirChannelsAndSpacing) {
  for (const Index channels : {1, 3, 8}) {
    const nn::UNet3d net = make_network(channels);
    save_weights(path, net, 1.8171205928321397);
    const TrainedNetwork read = load_network(path);
    EXPECT_EQ(read.spacing, 1.8171205928321397);
    EXPECT_EQ(read.net.options().channels.front(), channels);
  }
}

TEST_F(Weights, AreCheckedBeforeANetworkIsMadeOfThem) {
  const nn::StateDict state = make_network(2).state_dict();
  const std::string message = refusal(state, "512");
  EXPECT_LT(backend(Device{}).memory_stats().peak, 100'000'000) << "it was made: it takes 1.5 GB";
  EXPECT_EQ(message, path + ": must be weights that train_unet3d wrote; got another network's (" +
                         state[0].first +
                         " must have shape [512, 1, 3, 3, 3] for 512 channels; got "
                         "[2, 1, 3, 3, 3])");
}

TEST_F(Weights, AreRefusedInOneShortSentence) {
  nn::StateDict state = make_network(2).state_dict();
  for (const char* channels : {"0", "513", "-1", "2.5", "x", ""})
    EXPECT_NE(refusal(state, channels), "") << channels;
  for (const char* spacing : {"0", "-1", "inf", "nan", "x"})
    EXPECT_NE(refusal(state, "2", spacing), "") << spacing;
  EXPECT_EQ(refusal(state, "2"), "");
  state.emplace_back("more", Tensor::from(std::vector<float>{1}, {1}));
  EXPECT_NE(refusal(state, "2").find("unexpected [more]"), std::string::npos);
  state.erase(state.begin());
  EXPECT_NE(refusal(state, "2").find("there is no "), std::string::npos);
}

}  // namespace
}  // namespace voxgrad::examples
