// NIfTI-1 volumes (.nii, .nii.gz): brain scans and masks with their place in the scanner's space.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include <voxgrad/core/tensor.h>

namespace [[gnu::visibility("default")]] voxgrad {

/// Where a volume lies in space. Lengths are millimetres, whatever unit the file used.
struct NiftiGeometry {
  /// Distance between voxels along the tensor's axes (z, y, x).
  std::array<double, 3> spacing = {1, 1, 1};
  /// 4x4, row by row: (x index, y index, z index, 1) -> (x, y, z, 1) in mm; x to the right, y to
  /// the front, z up.
  std::array<double, 16> affine = {1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1};
  /// NIfTI's code of that space: 1 scanner, 2 aligned, 3 Talairach, 4 MNI. 0: the file gives none,
  /// and the affine is the spacing alone; programs differ in where they show such a volume.
  int space = 2;
};

struct NiftiImage {
  /// (depth, height, width) = the file's (z, y, x), float32, plain layout.
  Tensor data;
  NiftiGeometry geometry;
};

/// Reads a 3D volume of real numbers of either byte order, with the file's scaling (scl_slope,
/// scl_inter) applied. The affine is the sform, else the qform, else the spacing alone. Integers
/// above 2^24 are rounded to float32. A 4D file whose further axes have size 1 is a volume too. NaN
/// and infinite voxels are kept: see check_finite.
/// @throws FileError naming the file when it is missing, truncated, damaged, no NIfTI-1 file, no 3D
/// volume, of complex or colour voxels, or has a header with impossible values; what the header
/// claims is compared with what the file holds before memory is allocated for it. OutOfMemoryError.
NiftiImage read_nifti(const std::string& path);

/// Writes (depth, height, width) of float32, float64, uint8, bool, int32 or int64 atomically,
/// compressed when the name ends in .gz. bool is stored as uint8. Reading gives the same values and
/// geometry (as float32, NIfTI's own precision); a depth of 1 can be written but not read.
/// @throws ShapeError unless rank 3 with sizes of 1 to 32767, positive spacing and a finite affine;
/// FileError when the name ends neither in .nii nor in .nii.gz or the file cannot be written.
void write_nifti(const std::string& path, const Tensor& volume, const NiftiGeometry& geometry = {});

/// @throws FileError that says how many voxels are NaN or infinite and where the first one is.
/// `name` begins the message.
void check_finite(const Tensor& volume, std::string_view name);

}  // namespace voxgrad
