// Reductions. The axes split into kept and reduced ones, each with its own StridedLoop over x.
//
// Where a reduced axis runs fastest, each output folds runs of x into a few lanes (reduce_runs);
// where a kept one does, as in a bias gradient of channels-last data, a row of outputs is
// accumulated at once (reduce_rows). Both cut the reduced elements into chunks of fixed size whose
// results are merged in order. Lanes are part of the definition of the result, not of the
// instruction set.
#include <voxgrad/ops/reduce.h>

#include <algorithm>
#include <memory>

#include <voxgrad/ops/cpu/by_instruction_set.h>
#include <voxgrad/ops/cpu/position.h>
#include <voxgrad/ops/cpu/strided.h>
#include <voxgrad/ops/reduce_function.h>

namespace voxgrad::ops::cpu {

namespace {

constexpr Index kChunk = Index{1} << 16;  // reduced elements per tile
constexpr Index kLanes = 16;
constexpr Index kRun = 64 * kLanes;  // elements added in lanes before they are folded
constexpr Index kRowTile = 512;      // outputs accumulated at once
constexpr Index kRowRun = 64;        // rows added in lanes before they are folded

using Split = ReducedAxes<StridedLoop>;

template <typename R>
typename R::Total fold_lanes(std::array<typename R::Lane, kLanes>& lanes) {
  std::array<typename R::Total, kLanes> totals;
  for (std::size_t l = 0; l < kLanes; ++l) totals[l] = static_cast<typename R::Total>(lanes[l]);
  for (std::size_t half = kLanes / 2; half > 0; half /= 2) {
    for (std::size_t l = 0; l < half; ++l) totals[l] = R::merge(totals[l], totals[l + half]);
  }
  return totals[0];
}

/// Adds n elements, `step` apart, to `total`.
template <typename R>
typename R::Total add_run(typename R::Total total, const typename R::In* x, Index step, Index n) {
  using Total = typename R::Total;
  if (n < kLanes) {
    for (Index i = 0; i < n; ++i) {
      total = R::merge(total, static_cast<Total>(R::add(R::identity(), x[i * step])));
    }
    return total;
  }
  for (Index begin = 0; begin < n; begin += kRun) {
    const Index end = std::min(n, begin + kRun);
    std::array<typename R::Lane, kLanes> lanes;
    lanes.fill(R::identity());
    Index i = begin;
    if (step == 1) {
      for (; i + kLanes <= end; i += kLanes) {
        for (std::size_t l = 0; l < kLanes; ++l) {
          lanes[l] = R::add(lanes[l], x[i + static_cast<Index>(l)]);
        }
      }
    }
    for (; i < end; ++i) {
      const auto lane = static_cast<std::size_t>((i - begin) % kLanes);
      lanes[lane] = R::add(lanes[lane], x[i * step]);
    }
    total = R::merge(total, fold_lanes<R>(lanes));
  }
  return total;
}

/// One output after the other; a reduced axis runs fastest.
template <typename R>
void reduce_runs(const Split& axes, const typename R::In* x, typename R::Out* out) {
  using Total = typename R::Total;
  using Out = typename R::Out;
  const Index length = axes.reduced.count();
  const auto chunk_total = [&](const typename R::In* start, Index begin, Index end) {
    Total total = total_identity<R>();
    axes.reduced.walk(begin, end, [&](const auto& at, const auto& step, Index n) {
      total = add_run<R>(total, start + at[0], step[0], n);
    });
    return total;
  };
  const Index chunks = (length + kChunk - 1) / kChunk;
  if (chunks <= 1) {
    axes.kept.run(
        [&](const auto& at, const auto& step, Index n) {
          for (Index i = 0; i < n; ++i) {
            out[at[1] + i * step[1]] =
                static_cast<Out>(chunk_total(x + at[0] + i * step[0], 0, length));
          }
        },
        std::max<Index>(1, kGrain / std::max<Index>(1, length)));
    return;
  }
  const Index outputs = axes.kept.count();
  const auto partial = std::make_unique<Total[]>(static_cast<std::size_t>(outputs * chunks));
  parallel_for(outputs * chunks, [&](Index tile) {
    const Index begin = tile % chunks * kChunk;
    axes.kept.walk(tile / chunks, tile / chunks + 1, [&](const auto& at, const auto&, Index) {
      partial[tile] = chunk_total(x + at[0], begin, std::min(length, begin + kChunk));
    });
  });
  const Total* next = partial.get();
  axes.kept.walk(0, outputs, [&](const auto& at, const auto& step, Index n) {
    for (Index i = 0; i < n; ++i) {
      Total total = *next++;
      for (Index c = 1; c < chunks; ++c) total = R::merge(total, *next++);
      out[at[1] + i * step[1]] = static_cast<Out>(total);
    }
  });
}

/// lanes[i] <- R::add(lanes[i], x[i]) for `rows` rows of n elements.
template <typename R>
struct AddRows {
  [[gnu::always_inline]] static inline void run(Index rows, Index n, const typename R::In* x,
                                                Index row_step, typename R::Lane* lanes) {
    for (Index r = 0; r < rows; ++r, x += row_step) {
#pragma GCC ivdep
      for (Index i = 0; i < n; ++i) lanes[i] = R::add(lanes[i], x[i]);
    }
  }
};

// Accumulates rows of `width` neighbouring outputs.
template <typename R>
class RowSums {
 public:
  RowSums(Index width, Index row_step)
      // Short dense rows are taken several at once, to fill the vectors.
      : width_(width), rows_at_once_(row_step == width ? std::max<Index>(1, 128 / width) : 1) {
    lanes_.fill(R::identity());
    totals_.fill(total_identity<R>());
  }

  /// n rows, `row_step` apart, of elements `step` apart.
  void add(const typename R::In* x, Index row_step, Index n, Index step) {
    while (n > 0) {
      const Index rows = std::min(n, rows_at_once_);
      const Index times = std::min(n / rows, kRowRun - added_);
      const Index size = rows * width_;
      if (step == 1) {
        add_dense(times, size, x, rows * row_step);
      } else {  // a row at a time
        for (Index i = 0; i < size; ++i) lanes_[at(i)] = R::add(lanes_[at(i)], x[i * step]);
      }
      const Index done = step == 1 ? times : 1;
      if ((added_ += done) == kRowRun) fold();
      x += done * rows * row_step;
      n -= done * rows;
    }
  }

  const typename R::Total* totals() {
    fold();
    return totals_.data();
  }

 private:
  static std::size_t at(Index i) { return static_cast<std::size_t>(i); }

  void add_dense(Index times, Index size, const typename R::In* x, Index step) {
    if constexpr (std::is_floating_point_v<typename R::In>) {
      run_widest<AddRows<R>>(times, size, x, step, lanes_.data());
    } else {
      run_portable<AddRows<R>>(times, size, x, step, lanes_.data());
    }
  }

  void fold() {
    using Total = typename R::Total;
    for (Index r = 0; r < rows_at_once_; ++r) {
      for (Index i = 0; i < width_; ++i) {
        totals_[at(i)] = R::merge(totals_[at(i)], static_cast<Total>(lanes_[at(r * width_ + i)]));
      }
    }
    std::fill_n(lanes_.begin(), rows_at_once_ * width_, R::identity());
    added_ = 0;
  }

  Index width_;
  Index rows_at_once_;
  Index added_ = 0;
  std::array<typename R::Lane, kRowTile> lanes_;
  std::array<typename R::Total, kRowTile> totals_;
};

/// How reduce_rows cuts its work: tiles of neighbouring outputs, and chunks of the rows they sum.
struct RowTiles {
  Index row;      // outputs along the axis that runs fastest
  Index width;    // of a tile
  Index columns;  // tiles along `row`
  Index rows;     // that each output sums
  Index chunk_rows;
  Index chunks;
  Index count;  // of tiles

  explicit RowTiles(const Split& axes)
      : row(axes.kept.inner().size),
        width(std::min(row, kRowTile)),
        columns((row + width - 1) / width),
        rows(axes.reduced.count()),
        chunk_rows(std::max<Index>(1, kChunk / width)),
        chunks(std::max<Index>(1, (rows + chunk_rows - 1) / chunk_rows)),
        count(axes.kept.count() / row * columns) {}

  /// Calls f(start in x, start in out, width) for one tile.
  template <typename F>
  void visit(const Split& axes, Index tile, const F& f) const {
    const Index column = tile % columns * width;
    const Index first = tile / columns * row + column;
    axes.kept.walk(first, first + 1, [&](const auto& at, const auto&, Index) {
      f(at[0], at[1], std::min(width, row - column));
    });
  }
};

/// out <- the totals of each tile's chunks, joined in order.
template <typename R>
void join_chunks(const Split& axes, const RowTiles& tiles, const typename R::Total* partial,
                 typename R::Out* out) {
  const Index step = axes.kept.inner().steps[1];
  for (Index tile = 0; tile < tiles.count; ++tile) {
    tiles.visit(axes, tile, [&](Index, Index to, Index n) {
      const typename R::Total* totals = partial + tile * tiles.chunks * tiles.width;
      for (Index i = 0; i < n; ++i) {
        typename R::Total total = totals[i];
        for (Index c = 1; c < tiles.chunks; ++c) {
          total = R::merge(total, totals[c * tiles.width + i]);
        }
        out[to + i * step] = static_cast<typename R::Out>(total);
      }
    });
  }
}

/// Rows of outputs at once; a kept axis runs fastest.
template <typename R>
void reduce_rows(const Split& axes, const typename R::In* x, typename R::Out* out) {
  using Total = typename R::Total;
  const RowTiles tiles(axes);
  const Index step = axes.kept.inner().steps[0], out_step = axes.kept.inner().steps[1];
  // A single chunk goes straight to its outputs: partial totals would be as many as these.
  std::unique_ptr<Total[]> partial;
  if (tiles.chunks > 1) {
    partial = std::make_unique_for_overwrite<Total[]>(
        static_cast<std::size_t>(tiles.count * tiles.chunks * tiles.width));
  }
  const auto body = [&](Index i) {
    tiles.visit(axes, i / tiles.chunks, [&](Index from, Index to, Index n) {
      RowSums<R> sums(n, step == 1 ? axes.reduced.inner().steps[0] : 0);
      const Index begin = i % tiles.chunks * tiles.chunk_rows;
      axes.reduced.walk(begin, std::min(tiles.rows, begin + tiles.chunk_rows),
                        [&](const auto& at, const auto& row_step, Index count) {
                          sums.add(x + from + at[0], row_step[0], count, step);
                        });
      const Total* totals = sums.totals();
      if (partial) {
        std::copy_n(totals, n, partial.get() + i * tiles.width);
        return;
      }
      for (Index k = 0; k < n; ++k)
        out[to + k * out_step] = static_cast<typename R::Out>(totals[k]);
    });
  };
  const Index elements = std::max<Index>(1, tiles.width * std::min(tiles.chunk_rows, tiles.rows));
  parallel_ranges(tiles.count * tiles.chunks, std::max<Index>(1, kGrain / elements),
                  [&](Index begin, Index end) {
                    for (Index i = begin; i < end; ++i) body(i);
                  });
  if (partial) join_chunks<R>(axes, tiles, partial.get(), out);
}

template <typename R>
void run(const Operand& x, const Operand& out) {
  const Split axes(x, out);
  if (axes.kept.count() == 0) return;
  const auto* from = x.as<const typename R::In>();
  auto* to = out.as<typename R::Out>();
  if (axes.kept_runs_fastest()) {
    reduce_rows<R>(axes, from, to);
  } else {
    reduce_runs<R>(axes, from, to);
  }
}

void reduce(ReduceOp op, const Operand& x, const Operand& out) {
  visit_dtype(x.dtype, [&]<typename T>() {
    visit_reduction<T>(op, [&]<typename R>(R) { run<R>(x, out); });
  });
}

}  // namespace

const ReduceKernels kReduce = {reduce, position};

}  // namespace voxgrad::ops::cpu
