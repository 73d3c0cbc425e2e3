#include <voxgrad/io/nifti_header.h>

#include <nifti1_io.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <memory>

#include <voxgrad/core/check.h>

namespace voxgrad {
namespace {

constexpr std::size_t kHeaderBytes = 348;
static_assert(sizeof(nifti_1_header) == kHeaderBytes);

struct FreeImage {
  void operator()(nifti_image* image) const { nifti_image_free(image); }
};
using ImageHandle = std::unique_ptr<nifti_image, FreeImage>;

// niftilib reports to stderr at its own discretion; our messages are in the exceptions.
void silence_niftilib() {
  [[maybe_unused]] static const bool once = (nifti_set_debug_level(0), true);
}

// Bytes 344 to 347. The type in nifti1.h is not terminated when the file is no NIfTI file.
std::string magic_of(const nifti_1_header& header) {
  return {header.magic, strnlen(header.magic, sizeof header.magic)};
}

void check_magic(const GzipReader& file, const nifti_1_header& header) {
  const std::string magic = magic_of(header);
  if (magic == "ni1") {
    file.fail("is half of a .hdr/.img pair; only single files (.nii, .nii.gz) are read");
  }
  if (magic != "n+1") file.fail("is no NIfTI-1 file (the magic \"n+1\" is missing)");
}

void check_sizes(const GzipReader& file, const nifti_1_header& header) {
  const short* dim = header.dim;
  if (dim[0] < 1 || dim[0] > 7) {
    file.fail(fmt::format("has a damaged header: 1 to 7 axes are possible; got {}", dim[0]));
  }
  const std::vector<int> sizes(dim + 1, dim + 1 + dim[0]);
  for (const int size : sizes) {
    if (size < 1) {
      file.fail(fmt::format("has an axis without voxels; got sizes {}", fmt::join(sizes, " x ")));
    }
  }
  for (std::size_t axis = 3; axis < sizes.size(); ++axis) {
    if (sizes[axis] > 1) {
      file.fail(fmt::format("must be one 3D volume; got {} axes with sizes {}", sizes.size(),
                            fmt::join(sizes, " x ")));
    }
  }
  if (sizes.size() < 3 || sizes[2] == 1) {
    file.fail(fmt::format("must be a 3D volume; got a {}D image of {}",
                          std::min<std::size_t>(sizes.size(), 2), fmt::join(sizes, " x ")));
  }
}

void check_datatype(const GzipReader& file, const nifti_1_header& header) {
  switch (header.datatype) {
    case DT_UINT8:
    case DT_INT8:
    case DT_INT16:
    case DT_UINT16:
    case DT_INT32:
    case DT_UINT32:
    case DT_INT64:
    case DT_UINT64:
    case DT_FLOAT32:
    case DT_FLOAT64: break;
    default:
      file.fail(
          fmt::format("has voxels of a type that cannot be read: {} (code {}); integers of 8 to "
                      "64 bits, float32 and float64 can",
                      nifti_datatype_string(header.datatype), header.datatype));
  }
  int bytes = 0;
  int swap_unit = 0;
  nifti_datatype_sizes(header.datatype, &bytes, &swap_unit);
  if (header.bitpix != 8 * bytes) {
    file.fail(fmt::format("has a damaged header: {} voxels take {} bits; got {}",
                          nifti_datatype_string(header.datatype), 8 * bytes, header.bitpix));
  }
}

void check_numbers(const GzipReader& file, const nifti_1_header& header) {
  for (int axis = 1; axis <= 3; ++axis) {
    const float spacing = header.pixdim[axis];
    if (!std::isfinite(spacing) || spacing <= 0) {
      file.fail(fmt::format(
          "must have a positive distance between voxels on every axis; got {} x {} x {}",
          header.pixdim[1], header.pixdim[2], header.pixdim[3]));
    }
  }
  const float offset = header.vox_offset;
  if (!(offset >= 352 && offset <= 1e9F && offset == std::floor(offset))) {
    file.fail(
        fmt::format("has a damaged header: voxels start at byte 352 or later; got {}", offset));
  }
  // NaN in the slope says "no scaling", as it does to other readers.
  if (std::isinf(header.scl_slope) ||
      (!std::isnan(header.scl_slope) && !std::isfinite(header.scl_inter))) {
    file.fail(fmt::format("has a damaged header: the voxels' scaling must be finite; got {} and {}",
                          header.scl_slope, header.scl_inter));
  }
}

double millimetres(const GzipReader& file, int units) {
  switch (XYZT_TO_SPACE(units)) {
    case NIFTI_UNITS_METER: return 1000;
    case NIFTI_UNITS_MICRON: return 0.001;
    case NIFTI_UNITS_UNKNOWN:
    case NIFTI_UNITS_MM: return 1;
    default:
      file.fail(
          fmt::format("has a damaged header: unknown unit of length {}", XYZT_TO_SPACE(units)));
  }
}

NiftiGeometry geometry_of(const GzipReader& file, const nifti_image& image) {
  const double unit = millimetres(file, image.xyz_units);
  NiftiGeometry geometry;
  geometry.spacing = {unit * image.dz, unit * image.dy, unit * image.dx};
  geometry.affine = {image.dx, 0, 0, 0, 0, image.dy, 0, 0, 0, 0, image.dz, 0, 0, 0, 0, 1};
  geometry.space = 0;
  const mat44* matrix = nullptr;
  if (image.sform_code > 0) {
    matrix = &image.sto_xyz;
    geometry.space = image.sform_code;
  } else if (image.qform_code > 0) {
    matrix = &image.qto_xyz;
    geometry.space = image.qform_code;
  }
  for (std::size_t i = 0; i < 12; ++i) {
    if (matrix != nullptr) geometry.affine[i] = matrix->m[i / 4][i % 4];
    geometry.affine[i] *= unit;
    if (!std::isfinite(geometry.affine[i]))
      file.fail("has a damaged header: its affine is not finite");
  }
  return geometry;
}

// A volume without a place keeps none, so that every program shows what was made from it where it
// shows the volume itself. An affine that says more than the spacing is worth a code.
short space_code(const NiftiGeometry& geometry) {
  if (geometry.space > 0) return static_cast<short>(geometry.space);
  const auto& mm = geometry.spacing;
  const std::array<double, 16> spacing_alone = {mm[2], 0, 0,     0, 0, mm[1], 0, 0,
                                                0,     0, mm[0], 0, 0, 0,     0, 1};
  return geometry.affine == spacing_alone ? NIFTI_XFORM_UNKNOWN : NIFTI_XFORM_ALIGNED_ANAT;
}

}  // namespace

NiftiHeader read_nifti_header(GzipReader& file) {
  silence_niftilib();
  nifti_1_header raw = {};
  if (file.read(std::as_writable_bytes(std::span(&raw, 1))) < kHeaderBytes) {
    file.fail("is shorter than a NIfTI header (348 bytes)");
  }
  int first = raw.sizeof_hdr;
  nifti_swap_4bytes(1, &first);
  const bool swapped = first == static_cast<int>(kHeaderBytes);
  if (swapped) swap_nifti_header(&raw, 1);
  if (raw.sizeof_hdr == 540) file.fail("is a NIfTI-2 file; only NIfTI-1 is read");
  if (raw.sizeof_hdr != static_cast<int>(kHeaderBytes)) file.fail("is no NIfTI-1 file");
  check_magic(file, raw);
  check_sizes(file, raw);
  check_datatype(file, raw);
  check_numbers(file, raw);
  const ImageHandle image(nifti_convert_nhdr2nim(raw, nullptr));
  if (!image) file.fail("has a header that niftilib does not take");

  NiftiHeader header;
  header.shape = {image->nz, image->ny, image->nx};
  header.datatype = raw.datatype;
  header.bytes_per_voxel = raw.bitpix / 8;
  header.swapped = swapped;
  header.offset = static_cast<std::uint64_t>(raw.vox_offset);
  if (raw.scl_slope != 0 && !std::isnan(raw.scl_slope)) {  // by the standard 0 means: no scaling
    header.slope = raw.scl_slope;
    header.intercept = raw.scl_inter;
  }
  header.geometry = geometry_of(file, *image);
  return header;
}

std::array<std::byte, 352> make_nifti_header(const Shape& shape, int datatype,
                                             const NiftiGeometry& geometry) {
  silence_niftilib();
  const int sizes[8] = {3,
                        static_cast<int>(shape[2]),
                        static_cast<int>(shape[1]),
                        static_cast<int>(shape[0]),
                        1,
                        1,
                        1,
                        1};
  const std::unique_ptr<nifti_1_header, decltype(&std::free)> made(
      nifti_make_new_header(sizes, datatype), &std::free);
  VG_CHECK(made != nullptr, OutOfMemoryError, "write_nifti: niftilib could not make a header");
  nifti_1_header& header = *made;
  std::memcpy(header.magic, "n+1", 4);
  header.vox_offset = 352;
  header.scl_slope = 1;
  header.xyzt_units = NIFTI_UNITS_MM;
  mat44 affine = {};
  for (std::size_t i = 0; i < 16; ++i)
    affine.m[i / 4][i % 4] = static_cast<float>(geometry.affine[i]);
  // qform: the same place for readers that know only rotations. It cannot hold shear; the sform is
  // what counts.
  float* pixdim = header.pixdim;
  nifti_mat44_to_quatern(affine, &header.quatern_b, &header.quatern_c, &header.quatern_d,
                         &header.qoffset_x, &header.qoffset_y, &header.qoffset_z, nullptr, nullptr,
                         nullptr, &pixdim[0]);
  for (std::size_t i = 0; i < 3; ++i) pixdim[i + 1] = static_cast<float>(geometry.spacing[2 - i]);
  header.sform_code = space_code(geometry);
  header.qform_code = header.sform_code;
  std::memcpy(header.srow_x, affine.m[0], sizeof header.srow_x);
  std::memcpy(header.srow_y, affine.m[1], sizeof header.srow_y);
  std::memcpy(header.srow_z, affine.m[2], sizeof header.srow_z);
  std::array<std::byte, 352> bytes = {};
  std::memcpy(bytes.data(), &header, sizeof header);
  return bytes;
}

}  // namespace voxgrad
