#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include <voxgrad/core/error.h>
#include <voxgrad/io/nifti.h>

#include "tests/io/nifti_file.h"
#include "tests/support/temporary_folder.h"

namespace voxgrad {
namespace {

using namespace test;

class NiftiWriting : public NiftiTest {};

TEST_F(NiftiWriting, ReadsBackWhatItWrote) {
  NiftiGeometry geometry;
  geometry.spacing = {4, 3, 2};
  geometry.affine = {-2, 0, 0, 10, 0, 3, 0, 20, 0, 0, 4, 30, 0, 0, 0, 1};
  geometry.space = 4;
  const Tensor volume = counting({2, 3, 5});
  for (const char* name : {"b.nii", "b.nii.gz"}) {
    write_nifti(folder_ / name, volume, geometry);
    const NiftiImage image = read_nifti(folder_ / name);
    EXPECT_EQ(image.data.shape(), volume.shape());
    EXPECT_EQ(image.data.to_vector<float>(), volume.to_vector<float>());
    EXPECT_EQ(image.geometry.spacing, geometry.spacing);
    EXPECT_EQ(image.geometry.affine, geometry.affine);
    EXPECT_EQ(image.geometry.space, 4);
  }
  EXPECT_EQ(folder_.list(), (std::vector<std::string>{"b.nii", "b.nii.gz"}));
  EXPECT_EQ(test::get_file(folder_ / "b.nii.gz")[0], std::byte{0x1F});
  EXPECT_EQ(test::get_file(folder_ / "b.nii").size(), 352U + 4 * 30);
}

TEST_F(NiftiWriting, WritesTheSamePlaceIntoTheQform) {
  NiftiGeometry geometry;
  geometry.spacing = {4, 3, 2};
  geometry.affine = {0, -3, 0, 10, 2, 0, 0, 20, 0, 0, -4, 30, 0, 0, 0, 1};
  write_nifti(path_, counting({2, 3, 5}), geometry);
  auto file = test::get_file(path_);
  put<std::int16_t>(file, kSform, {0});  // readers that know no sform
  const auto affine = read(file).geometry.affine;
  for (std::size_t i = 0; i < 16; ++i) EXPECT_NEAR(affine[i], geometry.affine[i], 1e-5) << i;
}

TEST_F(NiftiWriting, KeepsAVolumeWithoutAPlaceWithoutOne) {
  const auto codes = [&] {
    const auto file = test::get_file(path_);
    std::int16_t both[2];
    std::memcpy(both, file.data() + kQform, sizeof both);
    return std::pair(both[0], both[1]);
  };
  write_nifti(path_, counting({2, 3, 5}));
  EXPECT_EQ(codes(), std::pair(std::int16_t{2}, std::int16_t{2}));
  auto file = test::get_file(path_);
  put<std::int16_t>(file, kQform, {0, 0});
  const NiftiGeometry geometry = read(file).geometry;
  EXPECT_EQ(geometry.space, 0);
  write_nifti(path_, counting({2, 3, 5}), geometry);
  EXPECT_EQ(codes(), std::pair(std::int16_t{0}, std::int16_t{0}));
  NiftiGeometry moved = geometry;
  moved.affine[3] = 7;
  write_nifti(path_, counting({2, 3, 5}), moved);
  EXPECT_EQ(read_nifti(path_).geometry.affine, moved.affine);
}

TEST_F(NiftiWriting, WritesEveryDtypeAndAnyStrides) {
  const Tensor whole = counting({4, 3, 5});
  const Tensor view =
      whole.alias({5, 3, 2}, {1, 5, 30}, 0);  // axes turned round, every other plane
  write_nifti(path_, view);
  EXPECT_EQ(read_nifti(path_).data.to_vector<float>(), view.to_vector<float>());
  write_nifti(path_, Tensor::from(std::vector<std::uint8_t>{0, 1, 2, 255}, {2, 2, 1}));
  EXPECT_EQ(read_nifti(path_).data.to_vector<float>(), (std::vector<float>{0, 1, 2, 255}));
  write_nifti(path_, Tensor::from(std::vector<double>{0.5, -1}, {2, 1, 1}));
  EXPECT_EQ(read_nifti(path_).data.to_vector<float>(), (std::vector<float>{0.5, -1}));
  write_nifti(path_, Tensor::from(std::vector<std::int32_t>{-70000, 1}, {2, 1, 1}));
  EXPECT_EQ(read_nifti(path_).data.to_vector<float>(), (std::vector<float>{-70000, 1}));
  write_nifti(path_, Tensor::from(std::vector<std::int64_t>{-70000, 1}, {2, 1, 1}));
  EXPECT_EQ(read_nifti(path_).data.to_vector<float>(), (std::vector<float>{-70000, 1}));
}

TEST_F(NiftiWriting, RefusesToWriteWhatTheFormatCannotHold) {
  EXPECT_THROW(write_nifti(path_, Tensor()), ShapeError);
  EXPECT_THROW(write_nifti(path_, Tensor::empty({2, 2})), ShapeError);
  EXPECT_THROW(write_nifti(path_, Tensor::empty({2, 0, 2})), ShapeError);
  EXPECT_THROW(write_nifti(path_, Tensor::empty({1, 32768, 1})), ShapeError);
  EXPECT_THROW(write_nifti(folder_ / "a.png", Tensor::empty({2, 2, 2})), FileError);
  EXPECT_THROW(write_nifti(folder_ / "none/a.nii", counting({2, 2, 2})), FileError);
  EXPECT_TRUE(folder_.list().empty());
}

TEST_F(NiftiWriting, RefusesToWriteAPlaceThatItWouldNotRead) {
  const Tensor volume = counting({2, 3, 5});
  const auto message = [&](const NiftiGeometry& geometry) {
    return message_of<ShapeError>([&] { write_nifti(path_, volume, geometry); });
  };
  EXPECT_EQ(message({.spacing = {1, 0, 2}}),
            "write_nifti: spacing must be positive on every axis; got [1, 0, 2]");
  EXPECT_NE(message({.spacing = {1, 1e-60, 2}}), "");  // 0 as float32
  EXPECT_NE(message({.spacing = {1, NAN, 2}}), "");
  NiftiGeometry broken;
  broken.affine[5] = NAN;
  EXPECT_TRUE(message(broken).starts_with("write_nifti: the affine must be finite; got [1, 0,"));
  EXPECT_EQ(message({.space = 70000}), "write_nifti: space must be 0 to 32767; got 70000");
  EXPECT_TRUE(folder_.list().empty());
}

}  // namespace
}  // namespace voxgrad
