// With kernels of 1 and stride 1 the form is sum over r, k, c of many[r][c] * w[k][c] * few[r][k],
// whichever of x and y is which, over rows r: all positions of the batch.
#include <voxgrad/ops/cpu/conv/thin.h>

#include <algorithm>
#include <vector>

#include <voxgrad/core/parallel.h>
#include <voxgrad/ops/cpu/conv/chunks.h>
#include <voxgrad/ops/cpu/conv/direct_plan.h>
#include <voxgrad/ops/cpu/conv/weights.h>
#include <voxgrad/ops/scratch.h>

namespace voxgrad::ops::cpu {
namespace {

constexpr Index kChannelBytes = 64;     // the widest vector: blocks of every set are full
constexpr Index kLeastRows = 1024;      // of a tile
constexpr Index kMostTiles = 64;        // enough for the threads of a workstation to share evenly
constexpr Index kMostManyBytes = 1024;  // rows that a kernel reads at once stay in the first cache

Index divide_up(Index a, Index b) { return (a + b - 1) / b; }

struct ThinPlan {
  explicit ThinPlan(const ConvProblem& problem) {
    const ConvGeometry& g = problem.geometry;
    few_slot = problem.produced == Slot::w ? (g.y_channels < g.x_channels ? Slot::y : Slot::x)
                                           : problem.produced;
    few = few_slot == Slot::y ? g.y_channels : g.x_channels;
    many = few_slot == Slot::y ? g.x_channels : g.y_channels;
    rows = g.batch * g.y_size();
    tile_rows = divide_up(rows, std::clamp<Index>(rows / kLeastRows, 1, kMostTiles));
    tiles = divide_up(rows, tile_rows);
  }
  Range tile(Index number) const {
    return {number * tile_rows, std::min(rows, (number + 1) * tile_rows)};
  }

  Slot few_slot;
  Index few, many;
  Index rows, tile_rows, tiles;
};

bool supports(const ConvProblem& problem) {
  const ConvGeometry& g = problem.geometry;
  if (!is_floating(problem.dtype) || g.groups > 1 || g.taps() > 1) return false;
  for (const ConvAxis& axis : g.axis) {
    if (axis.in != axis.out || axis.stride > 1 || axis.padding > 0) return false;
  }
  const Index x = problem.produced == Slot::x ? 0 : g.batch * g.x_channels * g.x_size();
  const Index y = problem.produced == Slot::y ? 0 : g.batch * g.y_channels * g.y_size();
  if (std::max(x, y) > kMostCopied) return false;  // operands above this come as they lie
  const ThinPlan plan(problem);
  const Index bytes = plan.many * static_cast<Index>(size_of(problem.dtype));
  return plan.few <= kMostDotColumns && bytes % kChannelBytes == 0 && bytes <= kMostManyBytes;
}

ConvWorkspace workspace(const ConvProblem& problem) {
  const ThinPlan plan(problem);
  const Index copies = problem.produced == Slot::w ? plan.tiles : 1;
  return {
      .shared = static_cast<std::size_t>(copies * plan.few * plan.many) * size_of(problem.dtype),
      .tiles = plan.tiles};
}

// Where rows lie: evenly, all of them or at least those of one line.
template <typename T>
class Rows {
 public:
  Rows(const ConvGeometry& geometry, const Volumes<const T>& volumes, Index channels)
      : volumes_(volumes) {
    map_.batch = geometry.batch;
    for (int i = 0; i < 3; ++i) map_.axis[i].rows = map_.axis[i].size = geometry.axis[i].out;
    const auto distance = row_distance(map_, volumes, channels);
    together_ = distance ? map_.rows() : map_.axis[2].rows;
    stride_ = distance.value_or(volumes.stride[2]);
  }

  Index together() const { return together_; }
  Index stride() const { return stride_; }
  const T* operator[](Index row) const {
    const auto& [a, b, c] = map_.axis;
    const Index line = row / together_, plane = line / b.rows;
    return volumes_.data + plane / a.rows * volumes_.batch_stride +
           plane % a.rows * volumes_.stride[0] + line % b.rows * volumes_.stride[1] +
           row % together_ * stride_;
  }

 private:
  Volumes<const T> volumes_;
  Gather map_;
  Index together_, stride_;
};

template <typename T>
struct Products {
  const ThinPlan& plan;
  const Rows<T>& many;
  const T* weights;  // [few][many]
  const T* bias;     // [row][few], for a kernel's rows
  T* result;         // [row][few]
};

// Rows that lie evenly. The last block may begin among the rows before it.
template <typename T>
void run_products(const Products<T>& call, Range rows) {
  constexpr Index kMostLanes = kChannelBytes / sizeof(T);
  const KernelTable<T>& table = direct_kernels<T>();
  const Index few = call.plan.few, lanes = table.dot_rows;
  const T* from = call.many[rows.begin];
  T* to = call.result + rows.begin * few;
  const auto dot = table.dot[few - 1];
  DotBlock<T> work{.rows = from,
                   .row_stride = call.many.stride(),
                   .weights = call.weights,
                   .channels = call.plan.many,
                   .bias = call.bias,
                   .out = to};
  if (rows.length() < lanes) {  // each by itself, all lanes alike
    T same[kMostLanes * kMostDotColumns];
    work.row_stride = 0;
    work.out = same;
    for (Index row = 0; row < rows.length(); ++row) {
      work.rows = from + row * call.many.stride();
      dot(work);
      std::copy_n(same, few, to + row * few);
    }
    return;
  }
  for (Index row = 0; row < rows.length(); row += lanes) {
    const Index first = std::min(row, rows.length() - lanes);
    work.rows = from + first * work.row_stride;
    work.out = to + first * few;
    dot(work);
  }
}

// body(rows) for pieces of `rows` that lie evenly: `together` at most.
template <typename Body>
void visit_pieces(Range rows, Index together, const Body& body) {
  while (rows.begin < rows.end) {
    const Index end = std::min(rows.end, (rows.begin / together + 1) * together);
    body(Range{rows.begin, end});
    rows.begin = end;
  }
}

template <typename T>
void thin_product(const ConvProblem& problem, const ConvOperands& operands,
                  const ConvEpilogue& epilogue, int tiles_in_flight, Tensor& result) {
  const ThinPlan plan(problem);
  const bool to_y = plan.few_slot == Slot::y;
  const Weights<const T> w = weights_of<T>(*operands.w);
  const Index few_stride = to_y ? w.y_stride : w.x_stride;
  const Index many_stride = to_y ? w.x_stride : w.y_stride;
  Scratch<T> weights(plan.few * plan.many);
  for (Index i = 0; i < plan.few * plan.many; ++i) {
    weights.data()[i] = w.data[i / plan.many * few_stride + i % plan.many * many_stride];
  }
  std::vector<T> bias = epilogue.bias != nullptr
                            ? epilogue.bias->to_vector<T>()
                            : std::vector<T>(static_cast<std::size_t>(plan.few));
  while (bias.size() < static_cast<std::size_t>(plan.few * direct_kernels<T>().dot_rows)) {
    bias.push_back(bias[bias.size() - static_cast<std::size_t>(plan.few)]);
  }
  const Rows<T> many(problem.geometry, volumes_of<T>(*operands.at(to_y ? Slot::x : Slot::y)),
                     plan.many);
  const Products<T> call{plan, many, weights.data(), bias.data(), result.mutable_data<T>()};
  parallel_for(
      plan.tiles,
      [&](Index tile) {
        visit_pieces(plan.tile(tile), many.together(),
                     [&](Range rows) { run_products(call, rows); });
      },
      tiles_in_flight);
}

template <typename T>
struct Sums {
  const ThinPlan& plan;
  std::vector<ColumnBlock> blocks;  // of the many; all full
  Rows<T> few, many;
};

// Rows that lie evenly. sums[block][few][channel].
template <typename T>
void add_sums(const Sums<T>& call, Range rows, T* sums) {
  const KernelTable<T>& table = direct_kernels<T>();
  const Pieces pieces(call.plan.few, table.rows);
  for (const ColumnBlock& block : call.blocks) {
    for (Index piece = 0; piece < pieces.count; ++piece) {
      const Range k = pieces.piece(piece);
      table.sets[block.set].sum[k.length() - 1](
          {.x = call.few[rows.begin] + k.begin,
           .x_stride = call.few.stride(),
           .y = call.many[rows.begin] + block.first,
           .y_stride = call.many.stride(),
           .rows = rows.length(),
           .sums = sums + call.plan.few * block.first + k.begin * block.padded});
    }
  }
}

template <typename T>
void thin_sum(const ConvProblem& problem, const ConvOperands& operands, int tiles_in_flight,
              Tensor& result) {
  constexpr Index kStepRows = 512;  // their channels stay in a core's cache over all blocks
  const ThinPlan plan(problem);
  const ConvGeometry& g = problem.geometry;
  const bool few_y = plan.few_slot == Slot::y;
  const Rows<T> x(g, volumes_of<T>(*operands.x), g.x_channels);
  const Rows<T> y(g, volumes_of<T>(*operands.y), g.y_channels);
  const Sums<T> call{plan, column_blocks(plan.many, problem.dtype), few_y ? y : x, few_y ? x : y};
  const Index size = plan.few * plan.many;
  Scratch<T> sums(plan.tiles * size);
  parallel_for(
      plan.tiles,
      [&](Index tile) {
        T* to = sums.data() + tile * size;
        std::fill_n(to, size, T{0});
        visit_pieces(plan.tile(tile), std::min(x.together(), y.together()), [&](Range piece) {
          visit_pieces(piece, kStepRows, [&](Range rows) { add_sums(call, rows, to); });
        });
      },
      tiles_in_flight);
  add_chunks<T>(plan.tiles, size, 0, size, sums.data());
  T* w = result.mutable_data<T>();
  for (const ColumnBlock& block : call.blocks) {
    const T* from = sums.data() + plan.few * block.first;
    for (Index k = 0; k < plan.few; ++k) {
      for (Index i = 0; i < block.padded; ++i) {
        const Index channel = block.first + i;
        w[few_y ? k * plan.many + channel : channel * plan.few + k] = from[k * block.padded + i];
      }
    }
  }
}

void run(const ConvProblem& problem, const ConvOperands& operands, const ConvEpilogue& epilogue,
         int tiles_in_flight, Tensor& result) {
  visit_floating(problem.dtype, [&]<typename T>() {
    if (problem.produced == Slot::w) thin_sum<T>(problem, operands, tiles_in_flight, result);
    else thin_product<T>(problem, operands, epilogue, tiles_in_flight, result);
  });
}

}  // namespace

const ConvAlgorithm kThin{.name = "thin",
                          .supports = supports,
                          .suits = [](const ConvProblem&) { return true; },
                          .workspace = workspace,
                          .run = run};

}  // namespace voxgrad::ops::cpu
