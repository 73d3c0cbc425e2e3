#include <voxgrad/io/checkpoint.h>

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include <voxgrad/core/check.h>

namespace voxgrad {
namespace {

// The metadata entry by which load() knows a checkpoint. The dot keeps it apart from part names.
const std::string kFormatKey = "voxgrad.format";
const std::string kFormat = "checkpoint 1";

/// The one element, exact where item() would go through a double.
template <typename T>
T only(const Tensor& tensor) {
  VG_CHECK(tensor.numel() == 1, ShapeError, "Checkpoint: a number has one element; got shape {}",
           to_string(tensor.shape()));
  return *tensor.to(Device{}).data<T>();
}

}  // namespace

Checkpoint Checkpoint::load(const std::string& path) {
  SafetensorsFile file = load_safetensors(path);
  const auto format = file.metadata.find(kFormatKey);
  VG_CHECK(format != file.metadata.end() && format->second == kFormat, FileError,
           "Checkpoint: {} must be a checkpoint of this version; got {}", path,
           format == file.metadata.end() ? "another safetensors file" : format->second);
  file.metadata.erase(format);
  Checkpoint result;
  for (const auto& [name, tensor] : file.tensors)
    result.parts_.insert(name.substr(0, name.find('.')));
  for (const auto& [name, text] : file.metadata) result.parts_.insert(name);
  result.tensors_ = std::move(file.tensors);
  result.texts_ = std::move(file.metadata);
  return result;
}

void Checkpoint::save(const std::string& path) const {
  std::map<std::string, std::string> metadata = texts_;
  metadata[kFormatKey] = kFormat;
  save_safetensors(path, tensors_, metadata);
}

void Checkpoint::add_part(const std::string& name) {
  VG_CHECK(!name.empty() && name.find('.') == std::string::npos, KeyError,
           "Checkpoint: a part's name must not be empty nor have a dot; got \"{}\"", name);
  VG_CHECK(parts_.insert(name).second, KeyError, "Checkpoint: names must differ; got {} twice",
           name);
}

void Checkpoint::require_part(const std::string& name) const {
  VG_CHECK(parts_.contains(name), KeyError, "Checkpoint: the part must be one of [{}]; got {}",
           fmt::join(parts_, ", "), name);
}

void Checkpoint::put(const std::string& name, const NamedTensors& tensors) {
  add_part(name);
  for (const auto& [key, tensor] : tensors) tensors_.emplace_back(name + "." + key, tensor);
}

void Checkpoint::put(const std::string& name, const nn::Module& module) {
  put(name, module.state_dict());
}

void Checkpoint::put(const std::string& name, const optim::Optimizer& optimizer) {
  put(name, optimizer.state());
}

void Checkpoint::put(const std::string& name, const optim::Scheduler& scheduler) {
  put(name, scheduler.state());
}

void Checkpoint::put(const std::string& name, const Generator& generator) {
  const std::vector<std::uint32_t> words = generator.state();
  const std::vector<std::int64_t> wide(words.begin(), words.end());
  put(name, Tensor::from(wide, {static_cast<Index>(wide.size())}));
}

void Checkpoint::put(const std::string& name, const Tensor& tensor) {
  add_part(name);
  tensors_.emplace_back(name, tensor);
}

void Checkpoint::put(const std::string& name, const std::string& text) {
  add_part(name);
  texts_[name] = text;
}

void Checkpoint::put_number(const std::string& name, double value) {
  put(name, Tensor::from(std::vector<double>{value}, {}));
}

void Checkpoint::put_integer(const std::string& name, std::int64_t value) {
  put(name, Tensor::from(std::vector<std::int64_t>{value}, {}));
}

NamedTensors Checkpoint::group(const std::string& name) const {
  require_part(name);
  NamedTensors result;
  const std::string prefix = name + ".";
  for (const auto& [key, tensor] : tensors_)
    if (key.starts_with(prefix)) result.emplace_back(key.substr(prefix.size()), tensor);
  return result;
}

void Checkpoint::get(const std::string& name, nn::Module& module) const {
  module.load_state_dict(group(name));
}

void Checkpoint::get(const std::string& name, optim::Optimizer& optimizer) const {
  optimizer.load_state(group(name));
}

void Checkpoint::get(const std::string& name, optim::Scheduler& scheduler) const {
  scheduler.load_state(group(name));
}

void Checkpoint::get(const std::string& name, Generator& generator) const {
  const std::vector<std::int64_t> wide = tensor(name).to(Device{}).to_vector<std::int64_t>();
  VG_CHECK(std::ranges::all_of(wide,
                               [](std::int64_t word) {
                                 return word >= 0 &&
                                        word <= std::numeric_limits<std::uint32_t>::max();
                               }),
           ShapeError, "Checkpoint: a generator's state must be words of 32 bits; got others in {}",
           name);
  generator.set_state({wide.begin(), wide.end()});
}

Tensor Checkpoint::tensor(const std::string& name) const {
  require_part(name);
  const auto found =
      std::ranges::find(tensors_, name, [](const auto& entry) { return entry.first; });
  VG_CHECK(found != tensors_.end(), KeyError,
           "Checkpoint: the part must be a tensor or a number; got {}, which is none", name);
  return found->second;
}

double Checkpoint::number(const std::string& name) const { return only<double>(tensor(name)); }

std::int64_t Checkpoint::integer(const std::string& name) const {
  return only<std::int64_t>(tensor(name));
}

const std::string& Checkpoint::text(const std::string& name) const {
  require_part(name);
  const auto found = texts_.find(name);
  VG_CHECK(found != texts_.end(), KeyError, "Checkpoint: the part must be a text; got {}, a tensor",
           name);
  return found->second;
}

}  // namespace voxgrad
