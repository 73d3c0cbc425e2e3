// Loader: makes samples ahead of time on one background thread.
//
// Sample i is what source(i) returns, nothing else: samples come in order, and if the source is a
// pure function of i, what a program receives depends neither on timing nor on where it resumed.
// The state to save is position().
#pragma once

#include <functional>
#include <memory>
#include <utility>

#include <voxgrad/core/shape.h>

namespace [[gnu::visibility("default")]] voxgrad {

struct LoaderOptions {
  Index start = 0;   ///< the first sample's number: the position() of a run that is continued
  Index count = -1;  ///< the samples end before this number; -1: never
  Index ahead = 2;   ///< how many finished samples may wait, at least 1
};

/// The Loader's thread and queue, for samples of any type.
class Prefetcher {
 public:
  /// @throws ShapeError when an option is out of range or there is no source.
  Prefetcher(std::function<std::shared_ptr<void>(Index)> source, const LoaderOptions& options);
  /// Stops the thread; waits for at most the one sample in the making.
  ~Prefetcher();
  Prefetcher(const Prefetcher&) = delete;
  Prefetcher& operator=(const Prefetcher&) = delete;

  std::shared_ptr<void> next();
  Index position() const;
  bool done() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// Calls `source` on a background thread, `options.ahead` samples in advance, in order. One thread
/// at a time may use a Loader.
template <typename Sample>
class Loader {
 public:
  using Source = std::function<Sample(Index)>;

  /// @throws ShapeError when an option is out of range or there is no source.
  explicit Loader(Source source, const LoaderOptions& options = {})
      : prefetcher_(source
                    ? [source = std::move(source)](Index i)
                          -> std::shared_ptr<void> { return std::make_shared<Sample>(source(i)); }
                    : std::function<std::shared_ptr<void>(Index)>(),
                    options) {}

  /// The next sample; waits until it is made. An exception of the source is rethrown here, at the
  /// sample that it belongs to, and at every later call. @throws IndexError after the last sample.
  Sample next() { return std::move(*std::static_pointer_cast<Sample>(prefetcher_.next())); }

  /// Number of the sample that next() will return.
  Index position() const { return prefetcher_.position(); }

  /// True after the last sample.
  bool done() const { return prefetcher_.done(); }

 private:
  Prefetcher prefetcher_;
};

}  // namespace voxgrad
