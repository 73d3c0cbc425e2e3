// Checkpoint: everything that a training run must find again to go on with the same bits, in one
// safetensors file.
//
//   Checkpoint checkpoint;
//   checkpoint.put("model", net);
//   checkpoint.put("optimizer", adam);
//   checkpoint.put("schedule", schedule);
//   checkpoint.put("random", default_generator());
//   checkpoint.put("step", step);
//   checkpoint.save("run.safetensors");
//
//   const Checkpoint checkpoint = Checkpoint::load("run.safetensors");
//   checkpoint.get("model", net);
//   checkpoint.get("optimizer", adam);
//   checkpoint.get("schedule", schedule);
//   checkpoint.get("random", default_generator());
//   step = checkpoint.integer("step");
//
// A tensor of the part "model" is called "model.<its name>" in the file, so other programs can read
// the weights.
#pragma once

#include <concepts>
#include <cstdint>
#include <map>
#include <set>
#include <string>

#include <voxgrad/core/random.h>
#include <voxgrad/io/safetensors.h>
#include <voxgrad/nn/module.h>
#include <voxgrad/optim/optimizer.h>
#include <voxgrad/optim/scheduler.h>

namespace [[gnu::visibility("default")]] voxgrad {

class Checkpoint {
 public:
  Checkpoint() = default;
  /// @throws FileError when the file is missing, damaged or no checkpoint.
  static Checkpoint load(const std::string& path);
  /// Writes atomically: on failure a file of that name stays as it was. Tensors are written with
  /// the values they have now, not when they were put in. @throws FileError.
  void save(const std::string& path) const;

  /// Adds a part. All throw KeyError when the name is taken, empty or has a dot.
  void put(const std::string& name, const nn::Module& module);
  void put(const std::string& name, const optim::Optimizer& optimizer);
  void put(const std::string& name, const optim::Scheduler& scheduler);
  void put(const std::string& name, const Generator& generator);
  void put(const std::string& name, const NamedTensors& tensors);
  void put(const std::string& name, const Tensor& tensor);
  void put(const std::string& name, const std::string& text);
  void put(const std::string& name, const char* text) { put(name, std::string(text)); }
  template <std::floating_point Number>
  void put(const std::string& name, Number value) {
    put_number(name, static_cast<double>(value));
  }
  template <std::integral Number>
  void put(const std::string& name, Number value) {
    put_integer(name, static_cast<std::int64_t>(value));
  }

  bool contains(const std::string& name) const { return parts_.contains(name); }

  /// Puts a part back. All throw KeyError when there is none of that name, or when its names are
  /// not those of the object; ShapeError for other shapes. The object is then as before.
  void get(const std::string& name, nn::Module& module) const;
  void get(const std::string& name, optim::Optimizer& optimizer) const;
  void get(const std::string& name, optim::Scheduler& scheduler) const;
  void get(const std::string& name, Generator& generator) const;
  /// The tensors of a part, by name.
  NamedTensors group(const std::string& name) const;
  Tensor tensor(const std::string& name) const;
  /// @throws DTypeError when the part is none.
  double number(const std::string& name) const;
  std::int64_t integer(const std::string& name) const;
  const std::string& text(const std::string& name) const;

 private:
  void put_number(const std::string& name, double value);
  void put_integer(const std::string& name, std::int64_t value);
  void add_part(const std::string& name);
  void require_part(const std::string& name) const;

  std::set<std::string> parts_;
  NamedTensors tensors_;
  std::map<std::string, std::string> texts_;
};

}  // namespace voxgrad
