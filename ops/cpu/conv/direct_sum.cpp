// Slot w: for each line of y and each tap line that it meets, sums of x values times y channels
// over the line's rows.
#include <algorithm>

#include <voxgrad/core/parallel.h>
#include <voxgrad/ops/cpu/conv/chunks.h>
#include <voxgrad/ops/cpu/conv/direct.h>
#include <voxgrad/ops/cpu/conv/direct_plan.h>
#include <voxgrad/ops/scratch.h>

namespace voxgrad::ops::cpu {
namespace {

template <typename T>
struct Call {
  const DirectSumPlan& plan;
  Volumes<const T> x, y;
  T* sums;
};

template <typename T>
struct Line {
  const T* data;
  Index stride;  // between positions
};

// Positions [first, last] of a line, zero outside [0, size).
template <typename T>
void copy_with_zeros(const Line<T>& from, Index channels, Index size, Index first, Index last,
                     T* to) {
  const Index begin = std::clamp<Index>(0, first, last + 1);
  const Index end = std::clamp(size, begin, last + 1);
  to = std::fill_n(to, (begin - first) * channels, T{0});
  if (from.stride == channels) {
    to = std::copy_n(from.data + begin * channels, (end - begin) * channels, to);
  } else {
    for (Index at = begin; at < end; ++at)
      to = std::copy_n(from.data + at * from.stride, channels, to);
  }
  std::fill_n(to, (last + 1 - end) * channels, T{0});
}

template <typename T>
class TaskRun {
 public:
  TaskRun(const Call<T>& call, const DirectSumPlan::Task& task)
      : call_(call),
        plan_(call.plan),
        task_(task),
        x_line_(call.plan.x_line_size),
        y_line_(call.plan.y_line_size),
        sums_(call.sums + task.chunk * plan_.sums_size +
              task.group * plan_.tap_lines * plan_.line_size()) {}

  void run() {
    std::fill(sums_ + task_.tap_lines.begin * plan_.line_size(),
              sums_ + task_.tap_lines.end * plan_.line_size(), T{0});
    const auto& [a, b, c] = plan_.phase.gather.axis;
    for (Index line = task_.lines.begin; line < task_.lines.end; ++line) {
      const Index j = line % b.rows, plane = line / b.rows, i = plane % a.rows, n = plane / a.rows;
      for (const ColumnBlock& block : plan_.blocks) {
        const Line<T> y = y_line(block, n, i, j);
        for (Index tap = task_.tap_lines.begin; tap < task_.tap_lines.end; ++tap) {
          const Index at0 = a.at(i, tap / b.taps), at1 = b.at(j, tap % b.taps);
          if (at0 < 0 || at0 >= a.size || at1 < 0 || at1 >= b.size) continue;
          add(block, tap, x_line(n, at0, at1), y);
        }
      }
    }
  }

 private:
  Line<T> y_line(const ColumnBlock& block, Index n, Index i, Index j) {
    const Volumes<const T>& y = call_.y;
    const Line<T> line{y.data + n * y.batch_stride + i * y.stride[0] + j * y.stride[1] +
                           task_.group * plan_.y_channels + block.first,
                       y.stride[2]};
    if (block.stored == block.padded) return line;
    T* to = y_line_.data();
    for (Index row = 0; row < plan_.phase.gather.axis[2].rows; ++row, to += block.padded) {
      std::copy_n(line.data + row * line.stride, block.stored, to);
      std::fill(to + block.stored, to + block.padded, T{0});
    }
    return {y_line_.data(), block.padded};
  }

  // The whole line of x.
  Line<T> x_line(Index n, Index at0, Index at1) const {
    const Volumes<const T>& x = call_.x;
    return {x.data + n * x.batch_stride + at0 * x.stride[0] + at1 * x.stride[1] +
                task_.group * plan_.x_channels,
            x.stride[2]};
  }

  void add(const ColumnBlock& block, Index tap_line, const Line<T>& x, const Line<T>& y) {
    const GatherAxis& c = plan_.phase.gather.axis[2];
    T* sums = sums_ + tap_line * plan_.line_size() + plan_.block_size() * block.start;
    const Index first = c.at(0, 0), last = c.at(c.rows - 1, c.taps - 1);
    if (0 <= first && last < c.size) {
      add_taps(block, {x.data + first * x.stride, x.stride}, y, sums);
    } else if (plan_.copies_lines) {
      copy_with_zeros(x, plan_.x_channels, c.size, first, last, x_line_.data());
      add_taps(block, {x_line_.data(), plan_.x_channels}, y, sums);
    } else {
      for (Index tap = 0; tap < c.taps; ++tap) {
        const Range rows = c.rows_inside(tap);
        if (rows.length() <= 0) continue;
        add_run(block, {x.data + c.at(rows.begin, tap) * x.stride, x.stride},
                {y.data + rows.begin * y.stride, y.stride}, rows.length(), plan_.x_channels,
                sums + tap * plan_.x_channels * block.padded);
      }
    }
  }

  // All taps of all rows, from row 0's first tap on.
  void add_taps(const ColumnBlock& block, const Line<T>& x, const Line<T>& y, T* sums) {
    const GatherAxis& c = plan_.phase.gather.axis[2];
    const bool one_run = c.tap_step * x.stride == plan_.x_channels;
    const Index runs = one_run ? 1 : c.taps, run = plan_.block_size() / runs;
    for (Index tap = 0; tap < runs; ++tap) {
      add_run(block, {x.data + tap * c.tap_step * x.stride, x.stride}, y, c.rows, run,
              sums + tap * run * block.padded);
    }
  }

  // Neighbouring values of x, from the first of `rows` rows on.
  void add_run(const ColumnBlock& block, const Line<T>& x, const Line<T>& y, Index rows,
               Index values, T* sums) {
    const KernelTable<T>& table = direct_kernels<T>();
    const Pieces pieces(values, table.rows);
    for (Index piece = 0; piece < pieces.count; ++piece) {
      const Range k = pieces.piece(piece);
      const SumBlock<T> work{.x = x.data + k.begin,
                             .x_stride = plan_.phase.gather.axis[2].row_step * x.stride,
                             .y = y.data,
                             .y_stride = y.stride,
                             .rows = rows,
                             .sums = sums + k.begin * block.padded};
      table.sets[block.set].sum[k.length() - 1](work);
    }
  }

  const Call<T>& call_;
  const DirectSumPlan& plan_;
  DirectSumPlan::Task task_;
  Scratch<T> x_line_, y_line_;
  T* sums_;  // of the group
};

// w[y channel][x channel][tap] of one group and tap line.
template <typename T>
void unpack(const DirectSumPlan& plan, Index group, Index tap_line, const T* sums, T* w) {
  const Index taps = plan.phase.gather.axis[2].taps, all_taps = plan.tap_lines * taps;
  for (const ColumnBlock& block : plan.blocks) {
    const T* from = sums + plan.block_size() * block.start;
    for (Index i = 0; i < block.stored; ++i) {
      const Index channel = group * plan.y_channels + block.first + i;
      T* to = w + channel * plan.x_channels * all_taps + tap_line * taps;
      for (Index x = 0; x < plan.x_channels; ++x) {
        for (Index tap = 0; tap < taps; ++tap) {
          to[x * all_taps + tap] = from[(tap * plan.x_channels + x) * block.padded + i];
        }
      }
    }
  }
}

}  // namespace

template <typename T>
void direct_sum(const ConvProblem& problem, const ConvOperands& operands, int tiles_in_flight,
                Tensor& result) {
  const DirectSumPlan plan(problem);
  Scratch<T> sums(plan.chunks * plan.sums_size);
  const Call<T> call{.plan = plan,
                     .x = volumes_of<T>(*operands.x),
                     .y = volumes_of<T>(*operands.y),
                     .sums = sums.data()};
  parallel_for(
      plan.tasks, [&](Index number) { TaskRun<T>(call, plan.task(number)).run(); },
      tiles_in_flight);
  T* w = result.mutable_data<T>();
  parallel_for(plan.groups * plan.tap_lines, [&](Index i) {
    const Index begin = i * plan.line_size();
    add_chunks<T>(plan.chunks, plan.sums_size, begin, begin + plan.line_size(), sums.data());
    unpack<T>(plan, i / plan.tap_lines, i % plan.tap_lines, sums.data() + begin, w);
  });
}

template void direct_sum<float>(const ConvProblem&, const ConvOperands&, int, Tensor&);
template void direct_sum<double>(const ConvProblem&, const ConvOperands&, int, Tensor&);

}  // namespace voxgrad::ops::cpu
