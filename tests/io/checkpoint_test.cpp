#include <gtest/gtest.h>
#include <voxgrad/autograd/functions/creation.h>
#include <voxgrad/autograd/functions/loss.h>
#include <voxgrad/core/error.h>
#include <voxgrad/io/checkpoint.h>
#include <voxgrad/nn/unet.h>
#include <voxgrad/optim/adam.h>

#include <filesystem>
#include <fstream>

namespace voxgrad {
namespace {

class CheckpointTest : public testing::Test {
 protected:
  CheckpointTest() { std::filesystem::create_directories(folder_); }
  ~CheckpointTest() override { std::filesystem::remove_all(folder_); }
  std::string path(const std::string& name) const { return (folder_ / name).string(); }

 private:
  std::filesystem::path folder_ = std::filesystem::path(testing::TempDir()) /
                                  testing::UnitTest::GetInstance()->current_test_info()->name();
};

// A run with everything that has state: model with running statistics, optimizer, schedule, random
// crops.
struct TrainingRun {
  explicit TrainingRun(std::uint64_t seed) {
    manual_seed(seed);
    net = std::make_unique<nn::UNet2d>(
        nn::UNetOptions{.channels = {2, 3}, .norm = nn::UNetNorm::batch});
    adam = std::make_unique<optim::AdamW>(net->parameters(),
                                          optim::AdamWOptions{.learning_rate = 1e-2});
    schedule = std::make_unique<optim::PolynomialLR>(*adam, 20, 0.9);
    generator.manual_seed(seed);
  }
  double train(int steps) {
    double last = 0;
    for (int i = 0; i < steps; ++i, ++step) {
      const Tensor x = randn({2, 1, 6, 5}, DType::float32, {}, generator);
      const Tensor labels = randint(0, 2, {2, 6, 5}, DType::int64, {}, generator);
      adam->zero_grad();
      const Tensor loss = cross_entropy((*net)(x), labels);
      loss.backward();
      adam->step();
      schedule->step();
      last = loss.item();
    }
    return last;
  }
  void save(const std::string& path) const {
    Checkpoint checkpoint;
    checkpoint.put("model", *net);
    checkpoint.put("optimizer", *adam);
    checkpoint.put("schedule", *schedule);
    checkpoint.put("random", generator);
    checkpoint.put("step", step);
    checkpoint.save(path);
  }
  void load(const std::string& path) {
    const Checkpoint checkpoint = Checkpoint::load(path);
    checkpoint.get("model", *net);
    checkpoint.get("optimizer", *adam);
    checkpoint.get("schedule", *schedule);
    checkpoint.get("random", generator);
    step = checkpoint.integer("step");
  }

  std::unique_ptr<nn::UNet2d> net;
  std::unique_ptr<optim::AdamW> adam;
  std::unique_ptr<optim::PolynomialLR> schedule;
  Generator generator;
  std::int64_t step = 0;
};

TEST_F(CheckpointTest, AResumedRunHasTheBitsOfAnUninterruptedOne) {
  TrainingRun whole(1);
  whole.train(3);
  whole.save(path("run.safetensors"));
  const double loss = whole.train(4);
  TrainingRun resumed(2);
  resumed.load(path("run.safetensors"));
  EXPECT_EQ(resumed.step, 3);
  EXPECT_EQ(resumed.train(4), loss);
  const nn::StateDict expected = whole.net->state_dict();
  const nn::StateDict got = resumed.net->state_dict();
  for (std::size_t i = 0; i < expected.size(); ++i) {
    if (expected[i].second.dtype() != DType::float32) continue;
    EXPECT_EQ(got[i].second.to_vector<float>(), expected[i].second.to_vector<float>())
        << expected[i].first;
  }
  EXPECT_EQ(resumed.adam->learning_rate(), whole.adam->learning_rate());
  EXPECT_EQ(resumed.generator.draw(), whole.generator.draw());
}

TEST_F(CheckpointTest, KeepsNumbersTextsAndTensorsExactly) {
  const std::int64_t large = (std::int64_t{1} << 62) + 1;
  Checkpoint checkpoint;
  checkpoint.put("third", 1.0 / 3);
  checkpoint.put("large", large);
  checkpoint.put("count", 7);
  checkpoint.put("done", true);
  checkpoint.put("note", "hello \"world\"\n");
  checkpoint.put("mean", Tensor::from(std::vector<float>{1, 2, 3}, {3}));
  checkpoint.put("more", NamedTensors{{"a.b", Tensor::from(std::vector<double>{5}, {1})}});
  checkpoint.save(path("all"));
  const Checkpoint loaded = Checkpoint::load(path("all"));
  EXPECT_EQ(loaded.number("third"), 1.0 / 3);
  EXPECT_EQ(loaded.integer("large"), large);
  EXPECT_EQ(loaded.integer("count"), 7);
  EXPECT_EQ(loaded.integer("done"), 1);
  EXPECT_EQ(loaded.text("note"), "hello \"world\"\n");
  EXPECT_EQ(loaded.tensor("mean").to_vector<float>(), (std::vector<float>{1, 2, 3}));
  ASSERT_EQ(loaded.group("more").size(), 1U);
  EXPECT_EQ(loaded.group("more")[0].first, "a.b");
  EXPECT_TRUE(loaded.contains("note"));
  EXPECT_FALSE(loaded.contains("other"));
}

TEST_F(CheckpointTest, NamesAPartThatIsMissingOrOfAnotherKind) {
  Checkpoint checkpoint;
  checkpoint.put("step", 7);
  checkpoint.put("note", "text");
  Generator generator;
  EXPECT_THROW(checkpoint.tensor("model"), KeyError);
  EXPECT_THROW(checkpoint.group("model"), KeyError);
  EXPECT_THROW(checkpoint.get("model", generator), KeyError);
  EXPECT_THROW(checkpoint.tensor("note"), KeyError);
  EXPECT_THROW(checkpoint.text("step"), KeyError);
  EXPECT_THROW(checkpoint.number("step"), DTypeError);
  EXPECT_THROW(checkpoint.get("step", generator), ShapeError);
}

TEST_F(CheckpointTest, RefusesBadNames) {
  Checkpoint checkpoint;
  checkpoint.put("step", 7);
  EXPECT_THROW(checkpoint.put("step", 8), KeyError);
  EXPECT_THROW(checkpoint.put("", 8), KeyError);
  EXPECT_THROW(checkpoint.put("a.b", 8), KeyError);
  EXPECT_EQ(checkpoint.integer("step"), 7);
}

TEST_F(CheckpointTest, WeightsOfAnotherNetworkLeaveTheModelAsItWas) {
  TrainingRun run(1);
  run.save(path("run"));
  nn::UNet2d other({.channels = {2, 4}, .norm = nn::UNetNorm::batch});
  const auto before = other.parameters()[0].to_vector<float>();
  EXPECT_THROW(Checkpoint::load(path("run")).get("model", other), ShapeError);
  nn::UNet2d deeper({.channels = {2, 3, 4}});
  EXPECT_THROW(Checkpoint::load(path("run")).get("model", deeper), KeyError);
  EXPECT_EQ(other.parameters()[0].to_vector<float>(), before);
}

TEST_F(CheckpointTest, OtherFilesAreRefused) {
  save_safetensors(path("weights"), {{"a", Tensor::from(std::vector<float>{1}, {1})}});
  EXPECT_THROW(Checkpoint::load(path("weights")), FileError);
  EXPECT_THROW(Checkpoint::load(path("missing")), FileError);
  TrainingRun(1).save(path("run"));
  std::filesystem::resize_file(path("run"), std::filesystem::file_size(path("run")) - 5);
  EXPECT_THROW(Checkpoint::load(path("run")), FileError);
}

TEST_F(CheckpointTest, AFailedSaveLeavesTheOldFile) {
  const TrainingRun run(1);
  run.save(path("run"));
  Checkpoint bad;
  bad.put("note", std::string("\xff\xfe"));
  EXPECT_THROW(bad.save(path("run")), FileError);
  EXPECT_TRUE(Checkpoint::load(path("run")).contains("model"));
  EXPECT_THROW(run.save(path("no/such/folder")), FileError);
}

}  // namespace
}  // namespace voxgrad
