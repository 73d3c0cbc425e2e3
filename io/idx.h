// IDX files: the format of MNIST and Fashion-MNIST, images and labels of unsigned bytes.
#pragma once

#include <string>

#include <voxgrad/core/tensor.h>

namespace [[gnu::visibility("default")]] voxgrad {

/// Reads an IDX file of unsigned bytes, gzip-compressed or not: (images, height, width) or
/// (labels), uint8, plain layout.
/// @throws FileError naming the file when it is missing, damaged, of other elements or more than 8
/// axes, or holds fewer or more bytes than its sizes say (compared before memory is allocated).
/// OutOfMemoryError.
Tensor read_idx(const std::string& path);

}  // namespace voxgrad
