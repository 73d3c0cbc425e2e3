#include "examples/support/plot.h"

#include <gtest/gtest.h>
#include <voxgrad/core/error.h>
#include <voxgrad/io/png.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include "tests/support/temporary_folder.h"

namespace voxgrad::examples {
namespace {

std::int64_t count_near(const Picture& picture, Color color) {
  const double wanted[] = {255 * color.red, 255 * color.green, 255 * color.blue};
  std::int64_t count = 0;
  for (std::size_t i = 0; i + 2 < picture.pixels.size(); i += 3) {
    bool near = true;
    for (std::size_t c = 0; c < 3; ++c)
      near = near && std::abs(picture.pixels[i + c] - wanted[c]) < 6;
    count += near;
  }
  return count;
}

class Plot : public testing::Test {
 protected:
  Picture read() const { return read_png(path); }
  test::TemporaryFolder folder;
  std::string path = folder / "plot.png";
};

Series series(std::vector<double> y, Color color = kBlue) {
  Series made{.name = "curve", .x = {}, .y = std::move(y), .color = color};
  for (std::size_t i = 0; i < made.y.size(); ++i) made.x.push_back(static_cast<double>(i));
  return made;
}

Curves one_panel(Series curve) {
  return {.title = "title",
          .x_label = "step",
          .panels = {{.y_label = "loss", .series = {std::move(curve)}}}};
}

TEST_F(Plot, CurvesShowSeriesBaselinesAndText) {
  Curves curves = one_panel(series({3, 2, 1}, kBlue));
  curves.panels.push_back({.y_label = "Dice",
                           .series = {series({0.1, 0.5, 0.9}, kOrange)},
                           .baselines = {{.name = "mirror", .y = 0.6, .color = kMagenta}}});
  plot_curves(path, curves);
  const Picture picture = read();
  EXPECT_EQ(picture.width, 2184);
  EXPECT_EQ(picture.height, 836);
  EXPECT_GT(count_near(picture, kBlue), 1000);
  EXPECT_GT(count_near(picture, kOrange), 1000);
  EXPECT_GT(count_near(picture, kMagenta), 500);
  EXPECT_EQ(folder.list(), std::vector<std::string>{"plot.png"});
}

TEST_F(Plot, TextIsDrawnWithRealLetters) {
  // Without a font Cairo draws the same box for every letter, or nothing.
  std::set<std::string> pictures;
  for (const char* title : {"", "llllllll", "mmmmmmmm", "iiiiiiii"}) {
    Curves curves = one_panel(series({1, 2}));
    curves.title = title;
    plot_curves(path, curves);
    const Picture picture = read();
    pictures.emplace(picture.pixels.begin(), picture.pixels.end());
  }
  EXPECT_EQ(pictures.size(), 4U);
}

TEST_F(Plot, CurvesTakeWhateverATrainingGives) {
  const double nan = std::nan("");
  const double infinity = std::numeric_limits<double>::infinity();
  const std::vector<std::vector<double>> values = {
      {},
      {1},
      {nan},
      {nan, nan, nan},
      {2, 2, 2},
      {0, 0},
      {1, nan, 2, infinity, 3, -infinity},
      {1e308, -1e308, 5},
      {1e-320, 1e-310},
      {-1, -2, -3},
      {1e200, 1e-200},
      std::vector<double>(30000, 0.5),
  };
  for (const bool log_scale : {false, true}) {
    for (const bool smooth : {false, true}) {
      for (const auto& y : values) {
        Curves curves = one_panel(series(y));
        curves.panels[0].log_scale = log_scale;
        curves.panels[0].series[0].smooth = smooth;
        curves.panels[0].baselines = {{.name = "nan", .y = nan}, {.name = "b", .y = 0.5}};
        plot_curves(path, curves);
        EXPECT_EQ(read().width, 1092);
      }
    }
  }
  Curves empty;
  plot_curves(path, empty);
  EXPECT_EQ(read().width, 1092);
}

TEST_F(Plot, CurvesRefuseLengthsThatDiffer) {
  Curves curves = one_panel(series({1, 2}));
  curves.panels[0].series[0].x.pop_back();
  EXPECT_THROW(plot_curves(path, curves), ShapeError);
  EXPECT_TRUE(folder.list().empty());
}

TEST_F(Plot, AFileThatCannotBeWrittenIsAnError) {
  EXPECT_THROW(plot_curves(folder / "none/plot.png", one_panel(series({1, 2}))), FileError);
}

// 6 x 5 x 4 voxels, dark, with a bright block; the masks are that block and one beside it.
struct Volume {
  std::vector<float> image = std::vector<float>(120, 0);
  std::vector<std::uint8_t> truth = std::vector<std::uint8_t>(120, 0);
  std::vector<std::uint8_t> predicted = std::vector<std::uint8_t>(120, 0);

  Volume() {
    for (std::size_t z = 1; z < 5; ++z) {
      for (std::size_t y = 1; y < 4; ++y) {
        for (std::size_t x = 0; x < 4; ++x) {
          const std::size_t at = (z * 5 + y) * 4 + x;
          image[at] = 100;
          truth[at] = x < 3;
          predicted[at] = x > 1;
        }
      }
    }
  }
  Slices slices() const {
    return {
        .image = image, .truth = truth, .predicted = predicted, .shape = {6, 5, 4}, .title = "t"};
  }
};

TEST_F(Plot, SlicesShowBothOutlines) {
  const Volume volume;
  plot_slices(path, volume.slices());
  const Picture both = read();
  EXPECT_EQ(both.channels, 3);
  EXPECT_GT(count_near(both, kGreen), 1000);
  EXPECT_GT(count_near(both, kMagenta), 1000);
  Slices alone = volume.slices();
  alone.truth = {};
  plot_slices(path, alone);
  EXPECT_EQ(count_near(read(), kGreen), 0);
}

TEST_F(Plot, SlicesFollowTheSpacing) {
  const Volume volume;
  Slices slices = volume.slices();
  slices.shape = {6, 5, 4};
  plot_slices(path, slices);
  const double before = static_cast<double>(read().height) / read().width;
  slices.spacing = {3, 1, 1};
  plot_slices(path, slices);
  EXPECT_GT(static_cast<double>(read().height) / read().width, 1.3 * before);
}

TEST_F(Plot, SuperiorIsUpWhateverTheVolumesOrder) {
  // Bright above the middle: the upper half of the picture must be the brighter one.
  for (const std::string axes : {"SAR", "IAR", "IPL"}) {
    std::vector<float> image(10 * 10 * 10, 0);
    for (std::size_t i = 0; i < image.size(); ++i)
      image[i] = (i / 100 >= 5) == (axes[0] == 'S') ? 1.0F : 0.0F;
    plot_slices(
        path, {.image = image, .truth = {}, .predicted = {}, .shape = {10, 10, 10}, .axes = axes});
    const Picture picture = read();
    double upper = 0;
    double lower = 0;
    // The coronal view lies in the middle of the picture.
    for (int row = 0; row < picture.height; ++row) {
      const auto at = 3 * (static_cast<std::size_t>(row) * static_cast<std::size_t>(picture.width) +
                           static_cast<std::size_t>(picture.width) * 9 / 20);
      (row < picture.height / 2 ? upper : lower) += picture.pixels[at];
    }
    EXPECT_GT(upper, 3 * lower) << axes;
  }
}

TEST_F(Plot, SlicesTakeOddVolumes) {
  const float nan = std::nanf("");
  for (const std::vector<float>& image : {std::vector<float>(8, 0), std::vector<float>(8, nan),
                                          std::vector<float>{0, 0, 0, 0, 0, 0, 0, 9}}) {
    plot_slices(path, {.image = image, .truth = {}, .predicted = {}, .shape = {2, 2, 2}});
    EXPECT_GT(read().width, 300);
  }
  const std::vector<float> thin(3000, 1);
  plot_slices(path, {.image = thin, .truth = {}, .predicted = {}, .shape = {1, 1, 3000}});
  EXPECT_GT(read().width, 300);
}

TEST_F(Plot, SlicesRefuseWhatDoesNotFit) {
  const Volume volume;
  Slices slices = volume.slices();
  slices.shape = {6, 5, 5};
  EXPECT_THROW(plot_slices(path, slices), ShapeError);
  slices = volume.slices();
  slices.truth = slices.truth.first(10);
  EXPECT_THROW(plot_slices(path, slices), ShapeError);
  slices = volume.slices();
  slices.spacing[1] = 0;
  EXPECT_THROW(plot_slices(path, slices), ShapeError);
  for (const char* axes : {"", "SA", "SAA", "SAX", "SARR"}) {
    slices = volume.slices();
    slices.axes = axes;
    EXPECT_THROW(plot_slices(path, slices), ShapeError) << axes;
  }
}

TEST(AnatomicalAxes, FollowTheAffine) {
  EXPECT_EQ(anatomical_axes({1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1}), "SAR");
  EXPECT_EQ(anatomical_axes({-1, 0, 0, 0, 0, 1, 0, 0, 0, 0, -2, 0, 0, 0, 0, 1}), "IAL");
  // i runs backwards, j downwards, k rightwards.
  EXPECT_EQ(anatomical_axes({0, 0, 1, 0, -1, 0, 0, 0, 0, -1, 0, 0, 0, 0, 0, 1}), "RIP");
  // Turned by 30 degrees.
  EXPECT_EQ(anatomical_axes({0.87, -0.5, 0, 0, 0.5, 0.87, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1}), "SAR");
}

TEST_F(Plot, GridHoldsTheImagesInRows) {
  ImageGrid grid{.title = "", .height = 2, .width = 3, .rows = {}};
  grid.rows.push_back({"original", std::vector<std::vector<float>>(4, {0, 1, 0, 1, 0, 1})});
  plot_grid(path, grid);
  const Picture one = read();
  grid.rows.push_back({"reconstruction", grid.rows[0].images});
  plot_grid(path, grid);
  const Picture two = read();
  EXPECT_GT(two.height, one.height);
  EXPECT_GT(two.width, one.width);  // the longer label
  EXPECT_GT(count_near(two, {0, 0, 0}), 10000);
}

TEST_F(Plot, GridRefusesImagesOfAnotherSize) {
  ImageGrid grid{.title = "t", .height = 2, .width = 3, .rows = {}};
  EXPECT_THROW(plot_grid(path, grid), ShapeError);
  grid.rows.push_back({"r", {std::vector<float>(5, 0)}});
  EXPECT_THROW(plot_grid(path, grid), ShapeError);
  grid.rows[0].images[0].resize(6);
  grid.white = grid.black;
  EXPECT_THROW(plot_grid(path, grid), ShapeError);
}

}  // namespace
}  // namespace voxgrad::examples
