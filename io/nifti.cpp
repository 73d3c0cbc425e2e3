#include <voxgrad/io/nifti.h>

#include <nifti1_io.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include <voxgrad/core/check.h>
#include <voxgrad/io/bytes.h>
#include <voxgrad/io/file.h>
#include <voxgrad/io/gzip.h>
#include <voxgrad/io/nifti_header.h>

namespace voxgrad {
namespace {

constexpr std::size_t kChunkVoxels = std::size_t{1} << 16;

// Calls f.template operator()<T>() with the C++ type of a voxel; the header's check let no other
// code through.
template <typename F>
void visit_voxel_type(int datatype, F&& f) {
  switch (datatype) {
    case DT_UINT8: return f.template operator()<std::uint8_t>();
    case DT_INT8: return f.template operator()<std::int8_t>();
    case DT_INT16: return f.template operator()<std::int16_t>();
    case DT_UINT16: return f.template operator()<std::uint16_t>();
    case DT_INT32: return f.template operator()<std::int32_t>();
    case DT_UINT32: return f.template operator()<std::uint32_t>();
    case DT_INT64: return f.template operator()<std::int64_t>();
    case DT_UINT64: return f.template operator()<std::uint64_t>();
    case DT_FLOAT32: return f.template operator()<float>();
    default: return f.template operator()<double>();
  }
}

// What the header claims against what the file holds, reading to the end: a gzip file's true length
// and its checksum are known only there. Nothing is stored, so a header that lies costs no memory.
void check_length(GzipReader& file, const NiftiHeader& header) {
  const std::uint64_t needed =
      header.offset + header.voxels() * static_cast<std::uint64_t>(header.bytes_per_voxel);
  file.rewind();
  const std::uint64_t held = file.skip_to_end();
  if (held < needed) {
    file.fail(
        fmt::format("is cut off: its header asks for {} x {} x {} voxels, {} bytes in all; got {}",
                    header.shape[2], header.shape[1], header.shape[0], needed, held));
  }
}

void skip(GzipReader& file, std::uint64_t count) {
  std::vector<std::byte> chunk(std::min<std::uint64_t>(count, 1 << 16));
  while (count > 0) {
    const std::span part(chunk.data(), std::min<std::uint64_t>(count, chunk.size()));
    if (file.read(part) < part.size()) file.fail("became shorter while it was read");
    count -= part.size();
  }
}

template <typename T>
void read_voxels(GzipReader& file, const NiftiHeader& header, std::span<float> out) {
  std::vector<T> chunk(std::min(kChunkVoxels, out.size()));
  const bool scaled = header.slope != 1 || header.intercept != 0;
  for (std::size_t done = 0; done < out.size(); done += chunk.size()) {
    chunk.resize(std::min(chunk.size(), out.size() - done));
    const auto bytes = std::as_writable_bytes(std::span(chunk));
    if (file.read(bytes) < bytes.size()) file.fail("became shorter while it was read");
    if (header.swapped && sizeof(T) > 1) {
      nifti_swap_Nbytes(chunk.size(), static_cast<int>(sizeof(T)), chunk.data());
    }
    for (std::size_t i = 0; i < chunk.size(); ++i) {
      const double value = static_cast<double>(chunk[i]);
      out[done + i] = static_cast<float>(scaled ? value * header.slope + header.intercept : value);
    }
  }
}

// What read_nifti would refuse is not written.
void check_geometry(const NiftiGeometry& geometry) {
  const auto positive = [](double mm) {
    const auto held = static_cast<float>(mm);
    return held > 0 && std::isfinite(held);
  };
  VG_CHECK(std::ranges::all_of(geometry.spacing, positive), ShapeError,
           "write_nifti: spacing must be positive on every axis; got [{}]",
           fmt::join(geometry.spacing, ", "));
  const auto finite = [](double value) { return std::isfinite(static_cast<float>(value)); };
  VG_CHECK(std::ranges::all_of(geometry.affine, finite), ShapeError,
           "write_nifti: the affine must be finite; got [{}]", fmt::join(geometry.affine, ", "));
  VG_CHECK(geometry.space >= 0 && geometry.space <= 32767, ShapeError,
           "write_nifti: space must be 0 to 32767; got {}", geometry.space);
}

int nifti_code(DType dtype) {
  switch (dtype) {
    case DType::float32: return DT_FLOAT32;
    case DType::float64: return DT_FLOAT64;
    case DType::int64: return DT_INT64;
    case DType::int32: return DT_INT32;
    case DType::uint8:
    case DType::boolean: break;
  }
  return DT_UINT8;
}

}  // namespace

NiftiImage read_nifti(const std::string& path) {
  static_assert(std::endian::native == std::endian::little);
  GzipReader file("read_nifti", path);
  const NiftiHeader header = read_nifti_header(file);
  check_length(file, header);
  NiftiImage image{Tensor::empty(header.shape, DType::float32), header.geometry};
  file.rewind();
  skip(file, header.offset);
  const std::span<float> out(image.data.mutable_data<float>(), header.voxels());
  visit_voxel_type(header.datatype, [&]<typename T>() { read_voxels<T>(file, header, out); });
  return image;
}

void write_nifti(const std::string& path, const Tensor& volume, const NiftiGeometry& geometry) {
  VG_CHECK(volume.defined() && volume.dim() == 3, ShapeError,
           "write_nifti: volume must have 3 axes (depth, height, width); got shape {}",
           volume.defined() ? to_string(volume.shape()) : "of no tensor");
  for (const Index size : volume.shape()) {
    VG_CHECK(size >= 1 && size <= 32767, ShapeError,
             "write_nifti: NIfTI-1 holds sizes of 1 to 32767; got shape {}",
             to_string(volume.shape()));
  }
  check_geometry(geometry);
  const bool compressed = path.ends_with(".nii.gz");
  VG_CHECK(compressed || path.ends_with(".nii"), FileError,
           "write_nifti: {}: the name must end in .nii or .nii.gz", path);
  const auto header = make_nifti_header(volume.shape(), nifti_code(volume.dtype()), geometry);
  const std::vector<std::byte> voxels = logical_bytes(volume);
  AtomicFile file(path);
  if (compressed) {
    file.write(gzip_compress({header, voxels}));
  } else {
    file.write(header);
    file.write(voxels);
  }
  file.commit();
}

void check_finite(const Tensor& volume, std::string_view name) {
  if (!is_floating(volume.dtype())) return;
  Index bad = 0;
  Index first = 0;
  visit_floating(volume.dtype(), [&]<typename T>() {
    const std::vector<T> values = volume.to_vector<T>();
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (std::isfinite(values[i])) continue;
      if (bad++ == 0) first = static_cast<Index>(i);
    }
  });
  if (bad == 0) return;
  Shape place(volume.shape());
  for (std::size_t axis = place.size(); axis-- > 0;) {
    const Index size = place[axis];
    place[axis] = first % size;
    first /= size;
  }
  throw FileError(fmt::format("{}: {} of {} voxels are NaN or infinite, the first at {}", name, bad,
                              volume.numel(), to_string(place)));
}

}  // namespace voxgrad
