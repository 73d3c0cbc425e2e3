// Slots x and y: a few neighbouring rows of one line at a time, against a few columns of weights.
#include <algorithm>
#include <vector>

#include <voxgrad/core/parallel.h>
#include <voxgrad/ops/cpu/conv/direct.h>
#include <voxgrad/ops/cpu/conv/direct_plan.h>
#include <voxgrad/ops/cpu/conv/weights.h>
#include <voxgrad/ops/cpu/stream.h>
#include <voxgrad/ops/scratch.h>

namespace voxgrad::ops::cpu {
namespace {

template <typename T>
struct Call {
  const ConvProblem& problem;
  const DirectProductPlan& plan;
  Volumes<const T> source;
  const T* weights;
  const T* bias;  // [group][padded column]
  T* result;      // dense, channels-last
  bool streams;   // where rows are whole cache lines

  Index channels() const { return plan.produced * problem.geometry.groups; }
  Index position(Index n, Index i, Index j, Index k) const {
    const ConvAxis(&axis)[3] = problem.geometry.axis;
    const auto size = [&](int a) { return problem.produced == Slot::y ? axis[a].out : axis[a].in; };
    return ((n * size(0) + i) * size(1) + j) * size(2) + k;
  }
};

template <typename T>
void pack_all(const ConvProblem& problem, const DirectProductPlan& plan, const Tensor& w,
              T* packed) {
  const Weights<const T> weights = weights_of<T>(w);
  const Index blocks = static_cast<Index>(plan.blocks.size());
  for (const auto& part : plan.parts) {
    const Index rows = part.phase.gather.taps() * plan.gathered;
    const Index group_size = rows * padded_columns(plan.blocks);
    parallel_for(problem.geometry.groups * blocks, [&](Index i) {
      const ColumnBlock& block = plan.blocks[static_cast<std::size_t>(i % blocks)];
      T* to = packed + part.packed + i / blocks * group_size + rows * block.start;
      if (block.stored < block.padded) std::fill_n(to, rows * block.padded, T{0});
      pack_weights<T>(problem.produced, problem.geometry, part.phase, i / blocks, weights,
                      {.gathered = {0, plan.gathered},
                       .columns = {block.first, block.first + block.stored},
                       .row_size = block.padded},
                      to);
    });
  }
}

template <typename T>
std::vector<T> padded_bias(const DirectProductPlan& plan, Index groups, const Tensor* bias) {
  const Index padded = padded_columns(plan.blocks);
  std::vector<T> result(static_cast<std::size_t>(groups * padded));
  if (bias == nullptr) return result;
  const std::vector<T> values = bias->to_vector<T>();
  for (Index group = 0; group < groups; ++group) {
    for (const ColumnBlock& block : plan.blocks) {
      for (Index i = 0; i < block.stored; ++i) {
        const Index channel = group * plan.produced + (block.first + i) % plan.produced;
        result[static_cast<std::size_t>(group * padded + block.start + i)] =
            values[static_cast<std::size_t>(channel)];
      }
    }
  }
  return result;
}

// One tile: lines of one phase, all groups and columns.
template <typename T>
class TileRun {
 public:
  TileRun(const Call<T>& call, const DirectProductPlan::Tile& tile)
      : call_(call), part_(*tile.part), lines_(tile.lines) {}

  void run() {
    for (Index group = 0; group < call_.problem.geometry.groups; ++group) {
      for (const ColumnBlock& block : call_.plan.blocks) {
        for (Index line = lines_.begin; line < lines_.end; ++line) run_line(group, block, line);
      }
    }
    if (call_.streams) finish_streaming();
  }

 private:
  static std::size_t bytes(Index elements) {
    return static_cast<std::size_t>(elements) * sizeof(T);
  }
  const GatherAxis& along() const { return part_.phase.gather.axis[2]; }

  // The taps on axes 0 and 1 that meet the source, with their weights.
  void find_lines(Index group, const ColumnBlock& block, Index n, Index i, Index j) {
    const auto& [a, b, c] = part_.phase.gather.axis;
    const DirectProductPlan& plan = call_.plan;
    const Index rows = part_.phase.gather.taps() * plan.gathered;
    const T* weights =
        call_.weights + part_.packed + rows * (group * padded_columns(plan.blocks) + block.start);
    const T* source = call_.source.data + group * plan.gathered + n * call_.source.batch_stride;
    found_.clear();
    if (c.taps == 0) return;
    for (Index p = 0; p < a.taps; ++p) {
      const Index at0 = a.at(i, p);
      if (at0 < 0 || at0 >= a.size) continue;
      for (Index q = 0; q < b.taps; ++q) {
        const Index at1 = b.at(j, q);
        if (at1 < 0 || at1 >= b.size) continue;
        found_.push_back({source + at0 * call_.source.stride[0] + at1 * call_.source.stride[1],
                          weights + (p * b.taps + q) * c.taps * plan.gathered * block.padded});
      }
    }
  }

  void run_line(Index group, const ColumnBlock& block, Index line) {
    const auto& [a, b, c] = part_.phase.gather.axis;
    const PhaseAxis(&axis)[3] = part_.phase.axis;
    const Index j = line % b.rows, plane = line / b.rows, i = plane % a.rows, n = plane / a.rows;
    find_lines(group, block, n, i, j);
    const Index channels = call_.channels();
    const Index first = call_.position(n, axis[0].first + i * axis[0].step,
                                       axis[1].first + j * axis[1].step, axis[2].first);
    T* out = call_.result + first * channels + group * call_.plan.produced + block.first;
    const Pieces pieces(c.rows, direct_kernels<T>().rows);
    for (Index piece = 0; piece < pieces.count; ++piece) {
      const Range rows = pieces.piece(piece);
      ProductBlock<T> work{};
      work.bias = call_.bias + group * padded_columns(call_.plan.blocks) + block.start;
      work.out_stride = axis[2].step * channels;
      work.out = out + rows.begin * work.out_stride;
      work.stored = block.stored;
      work.streams = call_.streams && is_whole_lines(work.out, bytes(work.out_stride));
      run_piece(block, rows, work);
    }
  }

  void run_piece(const ColumnBlock& block, Range rows, ProductBlock<T> work) {
    const Range whole = found_.empty() ? Range{} : taps_of_all(rows);
    if (!found_.empty() && whole.length() < along().taps) {
      start_sums(block, rows, whole, work.bias);
      work.bias = sums_;
      work.bias_stride = block.padded;
    }
    run_taps(block, rows, whole, work);
  }

  // sums_ becomes the bias and what the taps add that only some of the rows find inside the source.
  void start_sums(const ColumnBlock& block, Range rows, Range whole, const T* bias) {
    for (Index row = 0; row < rows.length(); ++row) {
      std::copy_n(bias, block.padded, sums_ + row * block.padded);
    }
    ProductBlock<T> work{};
    work.bias_stride = work.out_stride = work.stored = block.padded;
    for (Index tap = 0; tap < along().taps; ++tap) {
      if (whole.begin <= tap && tap < whole.end) continue;
      const Range inside = along().rows_inside(tap);
      const Range some{std::max(rows.begin, inside.begin), std::min(rows.end, inside.end)};
      if (some.length() <= 0) continue;
      work.out = sums_ + (some.begin - rows.begin) * block.padded;
      work.bias = work.out;
      run_taps(block, some, {tap, tap + 1}, work);
    }
  }

  // The taps that all of the rows find inside the source: neighbours.
  Range taps_of_all(Range rows) const {
    const GatherAxis& c = along();
    Range taps{0, c.taps};
    while (taps.length() > 0 && c.at(rows.begin, taps.begin) < 0) ++taps.begin;
    while (taps.length() > 0 && c.at(rows.end - 1, taps.end - 1) >= c.size) --taps.end;
    return taps;
  }

  // All rows find all taps inside the source.
  void run_taps(const ColumnBlock& block, Range rows, Range taps, ProductBlock<T> work) const {
    const GatherAxis& c = along();
    const Index stride = call_.source.stride[2], channels = call_.plan.gathered;
    if (taps.length() > 0) {
      work.lines = found_.data();
      work.line_count = static_cast<std::int64_t>(found_.size());
      work.shift = c.at(rows.begin, taps.begin) * stride;
      work.weight_shift = taps.begin * channels * block.padded;
      work.taps = taps.length();
      work.channels = channels;
    }
    // A step that is never taken may be beyond all bounds.
    if (rows.length() > 1) work.row_stride = c.row_step * stride;
    if (taps.length() > 1) work.tap_stride = c.tap_step * stride;
    if (work.tap_stride == channels) {  // taps lie side by side: one long run
      work.channels *= work.taps;
      work.taps = 1;
    }
    direct_kernels<T>().sets[block.set].product[rows.length() - 1](work);
  }

  const Call<T>& call_;
  const DirectProductPlan::Part& part_;
  Range lines_;
  std::vector<TapLine<T>> found_;
  alignas(64) T sums_[kMostKernelRows * kMostKernelColumns];
};

}  // namespace

template <typename T>
void direct_product(const ConvProblem& problem, const ConvOperands& operands,
                    const ConvEpilogue& epilogue, int tiles_in_flight, Tensor& result) {
  const DirectProductPlan plan(problem);
  Scratch<T> packed(plan.packed_size);
  pack_all<T>(problem, plan, *operands.w, packed.data());
  const std::vector<T> bias = padded_bias<T>(plan, problem.geometry.groups, epilogue.bias);
  const Slot source = problem.produced == Slot::y ? Slot::x : Slot::y;
  const Call<T> call{.problem = problem,
                     .plan = plan,
                     .source = volumes_of<T>(*operands.at(source)),
                     .weights = packed.data(),
                     .bias = bias.data(),
                     .result = result.mutable_data<T>(),
                     .streams = streams_results(result.numel(), sizeof(T))};
  parallel_for(
      plan.tiles, [&](Index tile) { TileRun<T>(call, plan.tile(tile)).run(); }, tiles_in_flight);
}

template void direct_product<float>(const ConvProblem&, const ConvOperands&, const ConvEpilogue&,
                                    int, Tensor&);
template void direct_product<double>(const ConvProblem&, const ConvOperands&, const ConvEpilogue&,
                                     int, Tensor&);

}  // namespace voxgrad::ops::cpu
