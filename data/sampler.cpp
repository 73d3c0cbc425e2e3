#include <voxgrad/data/sampler.h>

#include <algorithm>

#include <voxgrad/core/check.h>
#include <voxgrad/core/random.h>

namespace voxgrad {
namespace {

// Copies the elements of one row, which has the axes from `axis` on; returns where the next ones
// go.
template <typename T>
T* copy_row(T* out, const T* in, const Tensor& data, int axis) {
  if (axis == data.dim()) {
    *out = *in;
    return out + 1;
  }
  const Index size = data.size(axis);
  const Index stride = data.stride(axis);
  if (axis + 1 == data.dim() && stride == 1) return std::copy_n(in, size, out);
  for (Index i = 0; i < size; ++i) out = copy_row(out, in + i * stride, data, axis + 1);
  return out;
}

}  // namespace

std::uint64_t mix_seed(std::uint64_t seed, std::uint64_t i) {
  std::uint64_t x = seed + (i + 1) * 0x9E3779B97F4A7C15;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
  return x ^ (x >> 31);
}

EpochSampler::EpochSampler(Index count, Index batch, std::uint64_t seed)
    : count_(count), batch_(batch), batches_(0), seed_(seed) {
  VG_CHECK(count >= 1 && batch >= 1, ShapeError,
           "EpochSampler: count and batch must be 1 or more; got {} and {}", count, batch);
  batches_ = count / batch + (count % batch != 0);
}

std::vector<Index> EpochSampler::batch(Index i) {
  VG_CHECK(i >= 0, IndexError, "EpochSampler: batches are numbered from 0; got {}", i);
  const Index epoch = i / batches_;
  if (epoch != epoch_) {
    Generator generator(mix_seed(seed_, static_cast<std::uint64_t>(epoch)));
    order_.resize(static_cast<std::size_t>(count_));
    fill_randperm(order_.data(), count_, generator);
    epoch_ = epoch;
  }
  const Index begin = i % batches_ * batch_;
  const Index end = begin + std::min(batch_, count_ - begin);
  return {order_.begin() + begin, order_.begin() + end};
}

Tensor take_rows(const Tensor& data, std::span<const Index> rows) {
  VG_CHECK(data.dim() >= 1, ShapeError, "take_rows: the data must have rows; got shape {}",
           to_string(data.shape()));
  VG_CHECK(data.device().type == DeviceType::cpu, DeviceError,
           "take_rows: the data must be on the CPU; got {}", to_string(data.device()));
  for (const Index row : rows) {
    VG_CHECK(row >= 0 && row < data.size(0), IndexError,
             "take_rows: rows must be in [0, {}); got {}", data.size(0), row);
  }
  Shape shape = data.shape();
  shape[0] = std::ssize(rows);
  Tensor result = Tensor::empty(shape, data.dtype());
  if (result.numel() == 0) return result;
  visit_dtype(data.dtype(), [&]<typename T>() {
    T* out = result.mutable_data<T>();
    for (const Index row : rows)
      out = copy_row(out, data.data<T>() + row * data.stride(0), data, 1);
  });
  return result;
}

}  // namespace voxgrad
