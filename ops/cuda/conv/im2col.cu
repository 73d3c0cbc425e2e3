// Columns times weights (slots x and y), and columns transposed times columns (slot w), by cuBLAS.
#include <algorithm>

#include <voxgrad/ops/cuda/conv/algorithms.h>
#include <voxgrad/ops/cuda/conv/columns.h>
#include <voxgrad/ops/scratch.h>

namespace voxgrad::ops::cuda {
namespace {

// ---- slots x and y

/// Rows of products, [row][group][fold][produced], to their places in the result.
template <typename T>
struct PlaceRows {
  ResultRows place;
  Index first;
  Divisor width;
  const T* rows;
  bool has_bias;  // which the result holds already
  T* result;

  __device__ void operator()(Index i) const {
    const Divided row = width(i);
    T& to = result[place(first + row.quotient) + row.rest];
    to = has_bias ? to + rows[i] : rows[i];
  }
};

/// How a batch of products, one for each line of rows, writes its results in place: those of a line
/// lie evenly, and so do lines where axis 0 has no stride.
struct ResultLines {
  Index rows = 0;                                // of a line; 0: none of this
  Index first = 0, row_step = 0, line_step = 0;  // elements of the result

  ResultLines(const ConvProblem& problem, const Phase& phase, const ColumnChunks& chunks) {
    constexpr Index kLeastRows = 32;  // shorter lines would leave cuBLAS's tiles half empty
    const auto& [a, b, c] = phase.gather.axis;
    if (phase.is_whole()) return;  // one product writes all of it
    if (problem.geometry.groups > 1 || phase.gather.taps() != 1) return;
    if (c.rows < kLeastRows || chunks.chunk_rows % c.rows != 0) return;
    const ResultRows place(problem, phase);
    if (phase.axis[0].step != 1 || place.extent[0] != a.rows) return;
    if (place.extent[1] != b.rows * phase.axis[1].step) return;
    rows = c.rows;
    first = place(0);
    row_step = phase.axis[2].step * place.channels;
    line_step = phase.axis[1].step * place.extent[2] * place.channels;
  }
};

template <typename T>
struct ProductCall {
  const ConvProblem& problem;
  const ProductChannels& channels;
  const Phase& phase;
  const ResultLines& lines;
  const T* weights;  // packed
  bool has_bias;
  T* products;  // of a chunk, where they cannot be written in place
  T* result;

  Index width() const { return phase.fold * channels.produced; }

  // `add`: to what earlier taps left, or to the bias.
  void multiply_taps(const Matrix& columns, Range rows, Range taps, T* to) const {
    const bool in_place = to == result;
    Product product{.op = "conv",
                    .dtype = problem.dtype,
                    .m = rows.length(),
                    .n = width(),
                    .k = taps.length() * channels.gathered,
                    .count = channels.groups,
                    .a = columns,
                    .b = {.data = weights + taps.begin * channels.gathered * width(),
                          .row = width(),
                          .batch = phase.gather.taps() * channels.gathered * width()},
                    .c = to,
                    .c_row = channels.groups * width(),
                    .c_batch = width(),
                    .add = taps.begin > 0 || (in_place && has_bias)};
    if (lines.rows > 0) {
      product.m = lines.rows;
      product.count = rows.length() / lines.rows;
      product.a.batch = lines.rows * columns.row;
      product.b.batch = 0;
      product.c = result + lines.first + rows.begin / lines.rows * lines.line_step;
      product.c_row = lines.row_step;
      product.c_batch = lines.line_step;
    } else if (in_place) {
      product.c = result + rows.begin * product.c_row;
    }
    multiply(product);
  }

  void run(const Columns<T>& columns, const ColumnChunks& chunks) const {
    T* const to = phase.is_whole() || lines.rows > 0 ? result : products;
    for (Index row = 0; row < chunks.rows; row += chunks.chunk_rows) {
      const Range rows{row, std::min(chunks.rows, row + chunks.chunk_rows)};
      for (Index tap = 0; tap < phase.gather.taps(); tap += chunks.block_taps) {
        const Range taps{tap, std::min(phase.gather.taps(), tap + chunks.block_taps)};
        multiply_taps(columns(rows, taps), rows, taps, to);
      }
      if (to == result) continue;
      const Index all = channels.groups * width();
      launch("conv", rows.length() * all,
             PlaceRows<T>{ResultRows(problem, phase), rows.begin, Divisor(all), products, has_bias,
                          result});
    }
  }
};

/// Elements of a call's temporary memory, the most that a phase needs.
struct ProductMemory {
  Index weights = 0, columns = 0, products = 0, chunks = 0;
  bool all_have_taps = true;

  explicit ProductMemory(const ConvProblem& problem) {
    const ProductChannels channels(problem);
    for (const Phase& phase : phases(problem.produced, problem.geometry)) {
      if (phase.gather.taps() == 0) {
        all_have_taps = false;
        continue;
      }
      const Index width = phase.fold * channels.produced * channels.groups;
      const ColumnChunks cut(phase.gather, channels.groups * channels.gathered, problem.dtype);
      weights = std::max(weights, phase.gather.taps() * channels.gathered * width);
      columns = std::max(columns, cut.size);
      const bool in_place = phase.is_whole() || ResultLines(problem, phase, cut).rows > 0;
      if (!in_place) products = std::max(products, cut.chunk_rows * width);
      chunks += cut.chunks();
    }
  }
};

template <typename T>
void product(const ConvProblem& problem, const ConvOperands& operands, const ConvEpilogue& epilogue,
             Tensor& result) {
  const ProductChannels channels(problem);
  const ProductMemory sizes(problem);
  Scratch<T> weights(sizes.weights, result.device()), columns(sizes.columns, result.device());
  Scratch<T> products(sizes.products, result.device());
  const bool has_bias = epilogue.bias != nullptr;
  if (has_bias || !sizes.all_have_taps) fill_bias(epilogue, result);
  const Volumes<const T> source =
      volumes_of<T>(*operands.at(problem.produced == Slot::y ? Slot::x : Slot::y));
  for (const Phase& phase : phases(problem.produced, problem.geometry)) {
    if (phase.gather.taps() == 0) continue;
    pack_weights<T>(problem, phase, *operands.w, weights.data());
    const Columns<T> gathered{phase.gather, source, channels.groups, channels.gathered,
                              columns.data()};
    const ColumnChunks chunks(phase.gather, channels.groups * channels.gathered, problem.dtype);
    const ResultLines lines(problem, phase, chunks);
    const ProductCall<T> call{problem,        channels, phase,           lines,
                              weights.data(), has_bias, products.data(), result.mutable_data<T>()};
    call.run(gathered, chunks);
  }
}

// ---- slot w

/// w[y channel][x channel][tap] = sum over pieces of sums[piece][y channel][tap][x channel].
template <typename T>
struct AddPieces {
  Index pieces, size;
  Divisor taps, x_channels;
  const T* sums;
  T* w;

  __device__ void operator()(Index i) const {
    const Divided tap = taps(i);
    const Divided channel = x_channels(tap.quotient);
    const T* from =
        sums + (channel.quotient * taps.number() + tap.rest) * x_channels.number() + channel.rest;
    T sum = 0;
    for (Index piece = 0; piece < pieces; ++piece) sum += from[piece * size];
    w[i] = sum;
  }
};

/// The sum over rows is cut into pieces, products of one batch, where the result alone has too few
/// tiles to fill a card.
Index sum_pieces(const ConvGeometry& g, Index chunk_rows) {
  constexpr Index kTile = 128, kTilesWanted = 128, kLeastRows = 256;
  if (g.groups > 1) return 1;  // groups are the batch
  const Index n = g.taps() * g.x_channels;
  const Index tiles = ((g.y_channels + kTile - 1) / kTile) * ((n + kTile - 1) / kTile);
  return std::clamp<Index>(kTilesWanted / tiles, 1, std::max<Index>(1, chunk_rows / kLeastRows));
}

template <typename T>
struct SumCall {
  const ConvGeometry& g;
  const Columns<T>& x;
  const Columns<T>& y;
  Index pieces;
  T* sums;

  Index row_size() const { return g.taps() * g.x_group_channels(); }

  // One product for each piece, then one for the rows that they leave over.
  void add_rows(Range rows, Range taps) const {
    const Matrix columns = x(rows, taps);
    Matrix out = y(rows, {0, 1});
    out.transposed = true;
    Product product{.op = "conv",
                    .dtype = dtype_of<T>(),
                    .m = g.y_group_channels(),
                    .n = taps.length() * g.x_group_channels(),
                    .k = rows.length() / pieces,
                    .count = g.groups,
                    .a = out,
                    .b = columns,
                    .c = sums + taps.begin * g.x_group_channels(),
                    .c_row = row_size(),
                    .c_batch = g.y_group_channels() * row_size(),
                    .add = rows.begin > 0};
    if (pieces == 1) return multiply(product);
    product.count = pieces;
    product.a.batch = product.k * out.row;
    product.b.batch = product.k * columns.row;
    product.c_batch = g.y_channels * row_size();
    if (product.k > 0) multiply(product);
    const Index rest = rows.length() - product.k * pieces;
    if (rest == 0) return;
    product.a.data = static_cast<const T*>(out.data) + product.k * pieces * out.row;
    product.b.data = static_cast<const T*>(columns.data) + product.k * pieces * columns.row;
    product.add = true;
    product.k = rest;
    product.count = 1;
    multiply(product);
  }
};

template <typename T>
void sum(const ConvProblem& problem, const ConvOperands& operands, Tensor& result) {
  const ConvGeometry& g = problem.geometry;
  const Gather x_map = phases(Slot::y, g).front().gather, y_map = y_rows(g);
  const ColumnChunks cut(x_map, g.x_channels, problem.dtype);
  const Index pieces = sum_pieces(g, cut.chunk_rows);
  Scratch<T> columns(cut.size, result.device()), sums(pieces * result.numel(), result.device());
  const Volumes<const T> y = volumes_of<T>(*operands.y);
  Scratch<T> y_columns(row_distance(y_map, y, g.y_channels) ? 0 : cut.chunk_rows * g.y_channels,
                       result.device());
  const Columns<T> x_rows{x_map, volumes_of<T>(*operands.x), g.groups, g.x_group_channels(),
                          columns.data()};
  const Columns<T> out_rows{y_map, y, g.groups, g.y_group_channels(), y_columns.data()};
  const SumCall<T> call{g, x_rows, out_rows, pieces, sums.data()};
  for (Index row = 0; row < cut.rows; row += cut.chunk_rows) {
    for (Index tap = 0; tap < g.taps(); tap += cut.block_taps) {
      call.add_rows({row, std::min(cut.rows, row + cut.chunk_rows)},
                    {tap, std::min(g.taps(), tap + cut.block_taps)});
    }
  }
  launch("conv", result.numel(),
         AddPieces<T>{pieces, result.numel(), Divisor(g.taps()), Divisor(g.x_group_channels()),
                      sums.data(), result.mutable_data<T>()});
}

// ---- the algorithm

bool always(const ConvProblem&) { return true; }

ConvWorkspace workspace(const ConvProblem& problem) {
  const ConvGeometry& g = problem.geometry;
  const std::size_t bytes = size_of(problem.dtype);
  if (problem.produced == Slot::w) {
    const ColumnChunks cut(phases(Slot::y, g).front().gather, g.x_channels, problem.dtype);
    const Index sums = sum_pieces(g, cut.chunk_rows) * element_count(slot_shape(g, Slot::w));
    return {static_cast<std::size_t>(sums) * bytes, static_cast<std::size_t>(cut.size) * bytes,
            cut.chunks()};
  }
  const ProductMemory sizes(problem);
  return {static_cast<std::size_t>(sizes.weights) * bytes,
          static_cast<std::size_t>(sizes.columns + sizes.products) * bytes, sizes.chunks};
}

void run(const ConvProblem& problem, const ConvOperands& operands, const ConvEpilogue& epilogue,
         int, Tensor& result) {
  visit_floating(problem.dtype, [&]<typename T>() {
    if (problem.produced == Slot::w) sum<T>(problem, operands, result);
    else product<T>(problem, operands, epilogue, result);
  });
}

}  // namespace

const ConvAlgorithm kIm2col{"im2col", always, always, workspace, run};

}  // namespace voxgrad::ops::cuda
