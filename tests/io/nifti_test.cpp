#include <voxgrad/io/nifti.h>

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <limits>
#include <random>

#include <voxgrad/core/error.h>
#include <voxgrad/io/gzip.h>

#include "tests/io/nifti_file.h"
#include "tests/support/temporary_folder.h"

namespace voxgrad {
namespace {

using namespace test;

using Nifti = NiftiTest;

TEST_F(Nifti, ReadsVoxelsWithXFastestAndSpacingInTensorOrder) {
  const NiftiImage image = read(small_file());
  EXPECT_EQ(image.data.shape(), (Shape{2, 3, 5}));
  EXPECT_TRUE(image.data.is_contiguous());
  std::vector<float> expected(30);
  std::iota(expected.begin(), expected.end(), 0.F);
  EXPECT_EQ(image.data.to_vector<float>(), expected);
  EXPECT_EQ(image.geometry.spacing, (std::array<double, 3>{4, 3, 2}));
  EXPECT_EQ(image.geometry.affine,
            (std::array<double, 16>{2, 0, 0, 0, 0, 3, 0, 0, 0, 0, 4, 0, 0, 0, 0, 1}));
}

TEST_F(Nifti, PrefersSformToQform) {
  auto file = small_file();
  put<std::int16_t>(file, kQform, {1, 0});
  put<float>(file, kQuatern, {0, 0, 1, -10, -20, -30});  // half a turn about z
  EXPECT_EQ(read(file).geometry.affine,
            (std::array<double, 16>{-2, 0, 0, -10, 0, -3, 0, -20, 0, 0, 4, -30, 0, 0, 0, 1}));
  EXPECT_EQ(read(file).geometry.space, 1);
  put<std::int16_t>(file, kSform, {4});
  put<float>(file, kRows, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12});
  EXPECT_EQ(read(file).geometry.affine,
            (std::array<double, 16>{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 0, 0, 0, 1}));
  EXPECT_EQ(read(file).geometry.space, 4);
}

TEST_F(Nifti, AppliesTheScaling) {
  auto file = small_file();
  put<float>(file, kSlope, {0.5F, -1.F});
  EXPECT_EQ(read(file).data.to_vector<float>()[3], 0.5F);
  put<float>(file, kSlope, {0.F, 7.F});  // slope 0: none
  EXPECT_EQ(read(file).data.to_vector<float>()[3], 3.F);
}

TEST_F(Nifti, TakesASlopeThatIsNoNumberForNone) {
  auto file = small_file();
  const float nan = std::nanf("");
  put<float>(file, kSlope, {nan, nan});
  EXPECT_EQ(read(file).data.to_vector<float>()[3], 3.F);
  put<float>(file, kSlope, {INFINITY, 0.F});
  EXPECT_TRUE(error(file).starts_with("has a damaged header: the voxels' scaling must be finite"));
}

TEST_F(Nifti, ConvertsUnitsToMillimetres) {
  auto file = small_file();
  file[kUnits] = std::byte{3};  // micrometres
  EXPECT_DOUBLE_EQ(read(file).geometry.spacing[0], 0.004);
  EXPECT_DOUBLE_EQ(read(file).geometry.affine[0], 0.002);
}

TEST_F(Nifti, AcceptsFourAxesWhenTheLastIsOne) {
  auto file = small_file();
  put<std::int16_t>(file, kDim, {4, 5, 3, 2, 1});
  EXPECT_EQ(read(file).data.shape(), (Shape{2, 3, 5}));
}

TEST_F(Nifti, ReadsCompressedAndSwappedFiles) {
  auto file = small_file();
  file.resize(352 + 60);
  put<std::int16_t>(file, kDatatype, {4, 16});
  for (int i = 0; i < 30; ++i)
    put<std::int16_t>(file, 352 + 2 * i, {static_cast<std::int16_t>(i * 300 - 4000)});
  const std::vector<float> expected = read(file).data.to_vector<float>();
  EXPECT_EQ(expected[1], -3700.F);
  EXPECT_EQ(read(gzip_compress({file})).data.to_vector<float>(), expected);
  const auto swap = [&](int from, int to, int width) {
    for (int at = from; at < to; at += width)
      std::reverse(file.begin() + at, file.begin() + at + width);
  };
  swap(kSize, 4, 4);
  swap(kDim, kDim + 16, 2);
  swap(kDatatype, kDatatype + 4, 2);
  swap(kPixdim, kPixdim + 32, 4);
  swap(kOffset, kOffset + 12, 4);
  swap(kQform, kQform + 4, 2);
  swap(352, 412, 2);
  const NiftiImage image = read(file);
  EXPECT_EQ(image.data.to_vector<float>(), expected);
  EXPECT_EQ(image.geometry.spacing, (std::array<double, 3>{4, 3, 2}));
}

template <typename T>
class NiftiTypes : public Nifti {};
using VoxelTypes = testing::Types<std::int8_t, std::int16_t, std::uint16_t, std::int32_t,
                                  std::uint32_t, std::int64_t, std::uint64_t, float, double>;
TYPED_TEST_SUITE(NiftiTypes, VoxelTypes);

TYPED_TEST(NiftiTypes, AreReadAsFloat32) {
  using T = TypeParam;
  const int code = std::is_same_v<T, std::int8_t>     ? 256
                   : std::is_same_v<T, std::int16_t>  ? 4
                   : std::is_same_v<T, std::uint16_t> ? 512
                   : std::is_same_v<T, std::int32_t>  ? 8
                   : std::is_same_v<T, std::uint32_t> ? 768
                   : std::is_same_v<T, std::int64_t>  ? 1024
                   : std::is_same_v<T, std::uint64_t> ? 1280
                   : std::is_same_v<T, float>         ? 16
                                                      : 64;
  auto file = small_file();
  file.resize(352 + 30 * sizeof(T));
  std::memset(file.data() + 352, 0, 30 * sizeof(T));
  put<std::int16_t>(file, kDatatype,
                    {static_cast<std::int16_t>(code), static_cast<std::int16_t>(8 * sizeof(T))});
  const T top = static_cast<T>(sizeof(T) == 1 ? 100 : 20000);
  put<T>(file, 352, {T{7}, top, std::is_signed_v<T> ? static_cast<T>(-5) : T{5}});
  const auto values = this->read(file).data.template to_vector<float>();
  EXPECT_EQ(values[0], 7.F);
  EXPECT_EQ(values[1], static_cast<float>(top));
  EXPECT_EQ(values[2], std::is_signed_v<T> ? -5.F : 5.F);
}

TEST_F(Nifti, SaysWhatIsCutOff) {
  auto file = small_file();
  file.pop_back();
  EXPECT_EQ(error(file),
            "is cut off: its header asks for 5 x 3 x 2 voxels, 382 bytes in all; got 381");
  EXPECT_EQ(error(gzip_compress({file})),
            "is cut off: its header asks for 5 x 3 x 2 voxels, 382 bytes in all; got 381");
  const auto packed = gzip_compress({small_file()});
  EXPECT_EQ(error({packed.begin(), packed.end() - 9}), "is cut off: its gzip data ends too early");
  EXPECT_EQ(error({file.begin(), file.begin() + 347}),
            "is shorter than a NIfTI header (348 bytes)");
  EXPECT_EQ(error(std::vector<std::byte>()), "is shorter than a NIfTI header (348 bytes)");
}

TEST_F(Nifti, AllocatesNothingForAHeaderThatLies) {
  // 32767^3 voxels of 8 bytes would be 256 TiB: the answer must come from counting, not from a
  // failed allocation.
  auto file = small_file();
  put<std::int16_t>(file, kDim, {3, 32767, 32767, 32767});
  put<std::int16_t>(file, kDatatype, {64, 64});
  EXPECT_EQ(error(gzip_compress({file})),
            "is cut off: its header asks for 32767 x 32767 x 32767 voxels, 281449207693656 bytes "
            "in all; got 382");
}

TEST_F(Nifti, NoticesAGzipThatLies) {
  const auto packed = gzip_compress({small_file()});
  auto length = packed;
  length[packed.size() - 4] ^= std::byte{1};
  EXPECT_EQ(error(length), "is damaged: its gzip data does not decompress or fails its checksum");
  auto checksum = packed;
  checksum[packed.size() - 8] ^= std::byte{1};
  EXPECT_EQ(error(checksum), "is damaged: its gzip data does not decompress or fails its checksum");
}

TEST_F(Nifti, SaysWhatIsNoVolume) {
  EXPECT_EQ(error<std::int16_t>(kDim, {2, 5, 6}), "must be a 3D volume; got a 2D image of 5 x 6");
  EXPECT_EQ(error<std::int16_t>(kDim, {3, 5, 6, 1}),
            "must be a 3D volume; got a 2D image of 5 x 6 x 1");
  EXPECT_EQ(error<std::int16_t>(kDim, {1, 30}), "must be a 3D volume; got a 1D image of 30");
  EXPECT_EQ(error<std::int16_t>(kDim, {4, 5, 3, 1, 2}),
            "must be one 3D volume; got 4 axes with sizes 5 x 3 x 1 x 2");
  EXPECT_EQ(error<std::int16_t>(kDim, {3, 5, 0, 2}),
            "has an axis without voxels; got sizes 5 x 0 x 2");
  EXPECT_EQ(error<std::int16_t>(kDim, {3, 5, -3, 2}),
            "has an axis without voxels; got sizes 5 x -3 x 2");
  EXPECT_EQ(error<std::int16_t>(kDim, {0}),
            "has a damaged header: 1 to 7 axes are possible; got 0");
  EXPECT_EQ(error<std::int16_t>(kDim, {9}),
            "has a damaged header: 1 to 7 axes are possible; got 9");
}

TEST_F(Nifti, SaysWhatIsNoNifti1File) {
  EXPECT_EQ(error<char>(kMagic, {'n', 'i', '1'}),
            "is half of a .hdr/.img pair; only single files (.nii, .nii.gz) are read");
  EXPECT_EQ(error<char>(kMagic, {'x'}), "is no NIfTI-1 file (the magic \"n+1\" is missing)");
  EXPECT_EQ(error<char>(kMagic, {'n', '+', '1', '1'}),
            "is no NIfTI-1 file (the magic \"n+1\" is missing)");
  EXPECT_EQ(error<std::int32_t>(kSize, {540}), "is a NIfTI-2 file; only NIfTI-1 is read");
  EXPECT_EQ(error<std::int32_t>(kSize, {347}), "is no NIfTI-1 file");
}

TEST_F(Nifti, NamesVoxelTypesThatCannotBeRead) {
  const std::string end = "; integers of 8 to 64 bits, float32 and float64 can";
  const std::string start = "has voxels of a type that cannot be read: ";
  EXPECT_EQ(error<std::int16_t>(kDatatype, {128, 24}), start + "RGB24 (code 128)" + end);
  EXPECT_EQ(error<std::int16_t>(kDatatype, {32, 64}), start + "COMPLEX64 (code 32)" + end);
  EXPECT_EQ(error<std::int16_t>(kDatatype, {12345, 8}), start + "**ILLEGAL** (code 12345)" + end);
  EXPECT_EQ(error<std::int16_t>(kDatatype, {4, 8}),
            "has a damaged header: INT16 voxels take 16 bits; got 8");
}

TEST_F(Nifti, RefusesImpossibleNumbers) {
  const float nan = std::nanf("");
  EXPECT_EQ(error<float>(kPixdim, {1, 2, -3, 4}),
            "must have a positive distance between voxels on every axis; got 2 x -3 x 4");
  EXPECT_EQ(error<float>(kPixdim, {1, 2, 0, 4}),
            "must have a positive distance between voxels on every axis; got 2 x 0 x 4");
  EXPECT_EQ(error<float>(kPixdim, {1, nan, 3, 4}),
            "must have a positive distance between voxels on every axis; got nan x 3 x 4");
  for (const float offset : {0.F, 351.F, 352.5F, -1.F, 1e30F, nan}) {
    EXPECT_TRUE(error<float>(kOffset, {offset})
                    .starts_with("has a damaged header: voxels start at byte 352"))
        << offset;
  }
  EXPECT_EQ(error<float>(kSlope, {1, nan}),
            "has a damaged header: the voxels' scaling must be finite; got 1 and nan");
  auto file = small_file();
  put<std::int16_t>(file, kSform, {1});
  put<float>(file, kRows, {nan});
  EXPECT_EQ(error(file), "has a damaged header: its affine is not finite");
}

TEST_F(Nifti, ReportsAMissingFile) {
  EXPECT_EQ(message_of<FileError>([&] { read_nifti(folder_ / "none.nii"); }),
            "read: " + (folder_ / "none.nii") + ": No such file or directory");
  EXPECT_THROW(read_nifti(folder_.path()), FileError);
}

TEST_F(Nifti, MutatedFilesGiveAnErrorOrAVolumeAndNoChatter) {
  std::mt19937 random(5);
  auto original = small_file();
  put<std::int16_t>(original, kQform, {1, 1});
  testing::internal::CaptureStderr();
  testing::internal::CaptureStdout();
  int read_well = 0;
  for (int i = 0; i < 1000; ++i) {
    auto file = original;
    for (int changes = 1 + i % 4; changes > 0; --changes) {
      // Most changes where the fields are that decide sizes; the rest anywhere.
      const auto range = i % 2 == 0 ? std::size_t{128} : file.size();
      file[random() % range] = static_cast<std::byte>(random());
    }
    if (i % 3 == 0) file = gzip_compress({file});
    if (i % 5 == 0) file.resize(random() % file.size());
    try {
      const NiftiImage image = read(file);
      EXPECT_GT(image.data.numel(), 0);
      ++read_well;
    } catch (const FileError&) {
    } catch (const OutOfMemoryError&) {
      ADD_FAILURE() << "a header that lies reached the allocator";
    }
  }
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "");
  EXPECT_GT(read_well, 30);  // else the test would only see refusals
}

TEST_F(Nifti, DamagedGzipNeverGivesWrongVoxels) {
  const auto packed = gzip_compress({small_file()});
  const auto expected = read(small_file()).data.to_vector<float>();
  for (std::size_t i = 0; i < packed.size(); ++i) {
    auto bad = packed;
    bad[i] ^= std::byte{0x10};
    try {
      EXPECT_EQ(read(bad).data.to_vector<float>(), expected)
          << i;  // bits of gzip's header that mean nothing here
    } catch (const FileError&) {
    }
  }
}

TEST(CheckFinite, SaysHowManyAndWhere) {
  Tensor volume = counting({2, 3, 5});
  check_finite(volume, "head.nii");
  volume.mutable_data<float>()[15 + 5 + 2] = std::nanf("");
  volume.mutable_data<float>()[29] = INFINITY;
  EXPECT_EQ(message_of<FileError>([&] { check_finite(volume, "head.nii"); }),
            "head.nii: 2 of 30 voxels are NaN or infinite, the first at [1, 1, 2]");
  check_finite(Tensor::from(std::vector<std::uint8_t>{1}, {1, 1, 1}), "mask");
}

TEST(NiftiRealFile, IsReadWhereItIsInstalled) {
  const std::string path = "/usr/share/mricron/templates/ch2.nii.gz";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "mricron-data is not installed";
  const NiftiImage image = read_nifti(path);
  EXPECT_EQ(image.data.shape(), (Shape{181, 217, 181}));
  EXPECT_EQ(image.geometry.affine,
            (std::array<double, 16>{1, 0, 0, -90, 0, 1, 0, -125, 0, 0, 1, -71, 0, 0, 0, 1}));
  EXPECT_EQ(image.geometry.space, 4);
  check_finite(image.data, path);
}

}  // namespace
}  // namespace voxgrad
