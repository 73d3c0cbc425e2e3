// Whether operations are recorded. Thread-local; on at first.
#pragma once

namespace [[gnu::visibility("default")]] voxgrad {

bool grad_enabled();
void set_grad_enabled(bool on);

/// While one lives, operations of this thread are recorded (true) or not (false).
class GradMode {
 public:
  explicit GradMode(bool on) : before_(grad_enabled()) { set_grad_enabled(on); }
  ~GradMode() { set_grad_enabled(before_); }
  GradMode(const GradMode&) = delete;
  GradMode& operator=(const GradMode&) = delete;

 private:
  bool before_;
};

/// `NoGrad guard;`: nothing is recorded until the end of the scope.
class NoGrad : public GradMode {
 public:
  NoGrad() : GradMode(false) {}
};

}  // namespace voxgrad
