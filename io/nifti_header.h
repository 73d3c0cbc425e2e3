// Internal: the 348 bytes at the start of a NIfTI-1 file, checked, and what follows from them.
#pragma once

#include <array>
#include <cstdint>

#include <voxgrad/core/tensor.h>
#include <voxgrad/io/gzip.h>
#include <voxgrad/io/nifti.h>

namespace voxgrad {

struct NiftiHeader {
  Shape shape;       // (z, y, x)
  int datatype = 0;  // NIfTI's code
  int bytes_per_voxel = 0;
  bool swapped = false;      // the file has the other byte order
  std::uint64_t offset = 0;  // where the voxels start
  double slope = 1;
  double intercept = 0;
  NiftiGeometry geometry;

  std::uint64_t voxels() const { return static_cast<std::uint64_t>(element_count(shape)); }
};

/// Reads and checks the header at the reader's start. @throws FileError.
NiftiHeader read_nifti_header(GzipReader& file);

/// The first 352 bytes (header and "no extensions") of a single-file NIfTI-1 volume.
std::array<std::byte, 352> make_nifti_header(const Shape& shape, int datatype,
                                             const NiftiGeometry& geometry);

}  // namespace voxgrad
