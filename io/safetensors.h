// safetensors: named tensors in one file that every framework reads. Format:
// https://huggingface.co/docs/safetensors
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include <voxgrad/core/tensor.h>

namespace [[gnu::visibility("default")]] voxgrad {

/// Tensors with their names, in order. Names must differ.
using NamedTensors = std::vector<std::pair<std::string, Tensor>>;

struct SafetensorsFile {
  NamedTensors tensors;  ///< in the order of their data; plain layout, on the CPU
  std::map<std::string, std::string> metadata;

  /// The tensor of that name. @throws KeyError naming it.
  const Tensor& at(const std::string& name) const;
};

/// Writes atomically, tensors of any strides and device in logical order, data ordered as the
/// reference writer does (wide elements first, then by name), so each tensor lies at a multiple of
/// its element's size.
/// @throws KeyError when two tensors have one name or one is called "__metadata__", FileError when
/// a name or a metadata text is no UTF-8 or the file cannot be written.
void save_safetensors(const std::string& path, const NamedTensors& tensors,
                      const std::map<std::string, std::string>& metadata = {});

/// Reads a whole file of F32, F64, I64, I32, U8 and BOOL tensors.
/// @throws FileError naming the file, and the tensor at fault, when it is missing, cut off, has a
/// malformed header, duplicate names, other element types, more than 64 axes, or offsets that do
/// not cover the data exactly once. All is checked before memory is allocated for the tensors.
/// OutOfMemoryError.
SafetensorsFile load_safetensors(const std::string& path);

}  // namespace voxgrad
