#include <voxgrad/data/loader.h>

#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <thread>

#include <voxgrad/core/check.h>
#include <voxgrad/core/signals.h>

namespace voxgrad {

class Prefetcher::Impl {
 public:
  Impl(std::function<std::shared_ptr<void>(Index)> source, const LoaderOptions& options)
      : source_(std::move(source)),
        options_(options),
        position_(options.start),
        thread_([this] { run(); }) {}

  ~Impl() {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
    }
    room_.notify_all();
    thread_.join();
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  std::shared_ptr<void> next() {
    VG_CHECK(!done(), IndexError, "loader: there are {} samples; asked for one more",
             options_.count);
    std::unique_lock lock(mutex_);
    ready_.wait(lock, [this] { return !finished_.empty() || error_; });
    if (finished_.empty()) std::rethrow_exception(error_);
    std::shared_ptr<void> sample = std::move(finished_.front());
    finished_.pop_front();
    ++position_;
    lock.unlock();
    room_.notify_one();
    return sample;
  }

  Index position() const { return position_; }
  bool done() const { return options_.count >= 0 && position_ >= options_.count; }

 private:
  void run() {
    for (Index i = options_.start; options_.count < 0 || i < options_.count; ++i) {
      {
        std::unique_lock lock(mutex_);
        room_.wait(lock, [this] { return stop_ || std::ssize(finished_) < options_.ahead; });
        if (stop_) return;
      }
      if (!make(i)) return;
    }
  }

  // One sample, or the exception that takes its place; false after an exception.
  bool make(Index i) {
    std::shared_ptr<void> sample;
    std::exception_ptr error;
    try {
      sample = source_(i);
    } catch (...) {
      error = std::current_exception();
    }
    const bool made = error == nullptr;
    {
      const std::lock_guard lock(mutex_);
      if (made) finished_.push_back(std::move(sample));
      else error_ = std::move(error);  // from here on the consumer alone holds it
    }
    ready_.notify_one();
    return made;
  }

  const std::function<std::shared_ptr<void>(Index)> source_;
  const LoaderOptions options_;
  Index position_;  // belongs to the consumer's thread

  std::mutex mutex_;  // guards what follows
  std::condition_variable room_;
  std::condition_variable ready_;
  std::deque<std::shared_ptr<void>> finished_;
  std::exception_ptr error_;
  bool stop_ = false;

  std::thread thread_;  // last: everything it uses exists before it starts
};

Prefetcher::Prefetcher(std::function<std::shared_ptr<void>(Index)> source,
                       const LoaderOptions& options) {
  VG_CHECK(source != nullptr, ShapeError, "loader: a source is needed; got an empty function");
  VG_CHECK(options.start >= 0 && options.count >= -1 && options.ahead >= 1, ShapeError,
           "loader: start must be 0 or more, count -1 or more, ahead 1 or more; got {}, {}, {}",
           options.start, options.count, options.ahead);
  const SignalsBlocked in_thread;
  impl_ = std::make_unique<Impl>(std::move(source), options);
}

Prefetcher::~Prefetcher() = default;
std::shared_ptr<void> Prefetcher::next() { return impl_->next(); }
Index Prefetcher::position() const { return impl_->position(); }
bool Prefetcher::done() const { return impl_->done(); }

}  // namespace voxgrad
