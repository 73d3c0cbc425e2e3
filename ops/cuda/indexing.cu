// Gather, scatter and nonzero. Places that are written may meet: scatter sorts the elements by
// place, stably, and the first (or last) of those that meet writes for all, in logical order.
#include <voxgrad/ops/indexing.h>

#include <bit>
#include <cstdint>
#include <vector>

#include <voxgrad/ops/cuda/sort_lines.h>

namespace voxgrad::ops::cuda {

namespace {

/// Calls f.operator()<T>() with a type as large as an element.
template <typename F>
void visit_size(DType dtype, F&& f) {
  switch (size_of(dtype)) {
    case 1: return f.template operator()<std::uint8_t>();
    case 4: return f.template operator()<std::uint32_t>();
    default: return f.template operator()<std::uint64_t>();
  }
}

template <typename T>
struct Gather {
  Walk<3> walk;
  IndexPlace place;
  T* out;
  const T* x;
  const std::int64_t* index;
  __device__ void operator()(Index i) const {
    const auto [at] = walk(i);
    out[at[0]] = x[at[1] + place(index[at[2]])];
  }
};

void gather(const Operand& x, const IndexOperand& index, const Operand& out) {
  const Walk<3> places = walk(out, x, index.index);
  visit_size(x.dtype, [&]<typename T>() {
    launch("gather", places.count(),
           Gather<T>{places, index.place(), out.as<T>(), x.as<const T>(),
                     index.index.as<const std::int64_t>()});
  });
}

struct AddPlaces {
  Walk<2> walk;
  IndexPlace place;
  std::int64_t* total;
  const std::int64_t* index;
  __device__ void operator()(Index i) const {
    const auto [at] = walk(i);
    total[at[0]] += place(index[at[1]]);
  }
};

void add_places(const IndexOperand& index, const Operand& total) {
  const Walk<2> places = walk(total, index.index);
  launch("add_places", places.count(),
         AddPlaces{places, index.place(), total.as<std::int64_t>(),
                   index.index.as<const std::int64_t>()});
}

// ---- scatter

/// The elements of a scatter, [line][step][neighbour]: along x's own axes that the index varies
/// along (lines) or not (neighbours, which have their order in common), and along the others
/// (steps), where they may meet. Walks give places in (x, index, values); those of steps in
/// (logical order, index, values).
struct Scattered {
  Walk<3> lines, steps, neighbours;
};

/// Walks the axes of one kind; `first` are the strides of the first operand.
template <typename IsKind>
Walk<3> walk_kind(const IsKind& is_kind, const Strides& first, const Operand& index,
                  const Operand& values) {
  Shape shape;
  Strides a, b, c;
  for (std::size_t i = 0; i < index.shape.size(); ++i) {
    if (!is_kind(i)) continue;
    shape.push_back(index.shape[i]);
    a.push_back(first[i]);
    b.push_back(index.strides[i]);
    c.push_back(values.strides[i]);
  }
  return Walk<3>(StridedAxes<3>(shape, {a, b, c}));
}

Scattered scattered(const Operand& x, const Operand& index, const Operand& values,
                    const std::vector<int>& own) {
  const auto varies = [&](std::size_t i) { return index.strides[i] != 0 && index.shape[i] != 1; };
  return {
      walk_kind([&](std::size_t i) { return own[i] >= 0 && varies(i); }, x.strides, index, values),
      walk_kind([&](std::size_t i) { return own[i] < 0; }, contiguous_strides(x.shape), index,
                values),
      walk_kind([&](std::size_t i) { return own[i] >= 0 && !varies(i); }, x.strides, index,
                values)};
}

template <typename Key>
struct ScatterKeys {
  Walk<3> lines, steps;
  Index size;
  IndexPlace place;
  const std::int64_t* index;
  Key* keys;
  __device__ void operator()(Index i) const {
    const Divided line = divide(i, size);
    const Index at = lines(line.quotient).at[1] + steps(line.rest).at[1];
    keys[i] = static_cast<Key>(place.number(index[at]));
  }
};

/// What scatters by order have in common.
template <typename T, typename Key>
struct Ordered {
  Scattered walks;
  Index size, neighbours;  ///< steps of a line, neighbours of a step
  Index stride;
  const Key* keys;
  const Index* positions;
  T* x;
  const T* values;

  /// Of the part i of [line][rank][neighbour].
  struct Part {
    Index line, rank, neighbour;
  };
  __device__ Part part(Index i, Index ranks) const {
    const Divided at = divide(i, neighbours), line = divide(at.quotient, ranks);
    return {line.quotient, line.rest, at.rest};
  }
};

/// The last of those that meet stays.
template <typename T, typename Key>
struct PutLast {
  Ordered<T, Key> all;
  __device__ void operator()(Index i) const {
    const auto [line, rank, neighbour] = all.part(i, all.size);
    const Key* keys = all.keys + line * all.size;
    if (rank + 1 < all.size && keys[rank + 1] == keys[rank]) return;
    const Places<3> a = all.walks.lines(line), b = all.walks.neighbours(neighbour);
    const Places<3> c = all.walks.steps(all.positions[line * all.size + rank]);
    all.x[a.at[0] + b.at[0] + static_cast<Index>(keys[rank]) * all.stride] =
        all.values[a.at[2] + b.at[2] + c.at[2]];
  }
};

/// Ranks of which one part sums at most: those behind have partial sums.
constexpr Index kMeetChunk = 256;

/// What is added at a rank, and those behind it in its chunk that meet it.
template <typename T, typename Key>
struct Meeting {
  const Ordered<T, Key>& all;
  const Key* keys;
  const Index* positions;
  const T* values;

  __device__ Meeting(const Ordered<T, Key>& of, Index line, Index neighbour)
      : all(of),
        keys(of.keys + line * of.size),
        positions(of.positions + line * of.size),
        values(of.values + of.walks.lines(line).at[2] + of.walks.neighbours(neighbour).at[2]) {}

  __device__ T value(Index rank) const { return values[all.walks.steps(positions[rank]).at[2]]; }
  /// total, and the values of the ranks from `rank` on that have this key, up to the chunk's end.
  __device__ T add(T total, Index rank, Key key) const {
    const Index end = (rank / kMeetChunk + 1) * kMeetChunk;
    for (; rank < end && rank < all.size && keys[rank] == key; ++rank)
      total = accumulated(total, value(rank));
    return total;
  }
};

/// partial[line][chunk][neighbour]: the sum of the chunk's first ranks, where they meet the last of
/// the chunk before.
template <typename T, typename Key>
struct AddChunks {
  Ordered<T, Key> all;
  Index chunks;
  T* partial;
  __device__ void operator()(Index i) const {
    const auto [line, chunk, neighbour] = all.part(i, chunks);
    const Meeting<T, Key> meeting(all, line, neighbour);
    const Index rank = chunk * kMeetChunk;
    if (rank == 0 || meeting.keys[rank - 1] != meeting.keys[rank]) return;
    partial[i] = meeting.add(meeting.value(rank), rank + 1, meeting.keys[rank]);
  }
};

/// The first of those that meet adds them all.
template <typename T, typename Key>
struct AddAll {
  Ordered<T, Key> all;
  Index chunks;
  const T* partial;
  __device__ void operator()(Index i) const {
    const auto [line, rank, neighbour] = all.part(i, all.size);
    const Meeting<T, Key> meeting(all, line, neighbour);
    const Key key = meeting.keys[rank];
    if (rank > 0 && meeting.keys[rank - 1] == key) return;
    T& to = all.x[all.walks.lines(line).at[0] + all.walks.neighbours(neighbour).at[0] +
                  static_cast<Index>(key) * all.stride];
    T total = meeting.add(to, rank, key);
    for (Index chunk = rank / kMeetChunk + 1;
         chunk < chunks && meeting.keys[chunk * kMeetChunk] == key; ++chunk) {
      total = accumulated(total, partial[(line * chunks + chunk) * all.neighbours + neighbour]);
    }
    to = total;
  }
};

template <typename T, typename Key>
void add_all(const Ordered<T, Key>& all, Index lines) {
  const Index chunks = chunks_of(all.size, kMeetChunk);
  DeviceArray<T> partial(lines * chunks * all.neighbours);
  if (chunks > 1) {
    launch("scatter", lines * chunks * all.neighbours,
           AddChunks<T, Key>{all, chunks, partial.data()});
  }
  launch("scatter", lines * all.size * all.neighbours, AddAll<T, Key>{all, chunks, partial.data()});
}

template <typename Key>
void scatter_by(const Operand& x, const IndexOperand& index, const Operand& values,
                const std::vector<int>& own, bool accumulate) {
  const Scattered walks = scattered(x, index.index, values, own);
  const LinesShape shape{walks.lines.count(), walks.steps.count()};
  DeviceArray<Key> keys(shape.count());
  launch("scatter", shape.count(),
         ScatterKeys<Key>{walks.lines, walks.steps, shape.size, index.place(),
                          index.index.as<const std::int64_t>(), keys.data()});
  const int bits = std::bit_width(static_cast<std::uint64_t>(index.size - 1));
  SortedLines<Key> sorted = sort_lines("scatter", std::move(keys), shape, bits);
  const auto ordered = [&]<typename T>() {
    return Ordered<T, Key>{walks,        shape.size,          walks.neighbours.count(),
                           index.stride, sorted.keys.data(),  sorted.positions.data(),
                           x.as<T>(),    values.as<const T>()};
  };
  if (accumulate) {
    visit_dtype(x.dtype,
                [&]<typename T>() { add_all(ordered.template operator()<T>(), shape.lines); });
  } else {
    visit_size(x.dtype, [&]<typename T>() {
      launch("scatter", shape.count() * walks.neighbours.count(),
             PutLast<T, Key>{ordered.template operator()<T>()});
    });
  }
}

void scatter(const Operand& x, const IndexOperand& index, const Operand& values,
             const std::vector<int>& own, bool accumulate) {
  if (index.size <= (Index{1} << 32))
    return scatter_by<std::uint32_t>(x, index, values, own, accumulate);
  scatter_by<std::uint64_t>(x, index, values, own, accumulate);
}

// ---- nonzero

constexpr Index kFindChunk = 64;

/// A chunk of x in logical order.
template <typename T>
struct FindChunk {
  Walk<2> walk;  ///< logical order, x
  Index count;
  const T* x;

  /// Calls found(logical position) for those that are not 0.
  template <typename F>
  __device__ void find(Index chunk, F& found) const {
    const Index first = chunk * kFindChunk;
    for (Index i = first; i < first + kFindChunk && i < count; ++i) {
      if (x[walk(i).at[1]] != T(0)) found(i);
    }
  }
};

struct CountFound {
  Index count = 0;
  __device__ void operator()(Index) { ++count; }
};

template <typename T>
struct CountNonzero {
  FindChunk<T> chunks;
  Index* counts;
  __device__ void operator()(Index i) const {
    CountFound found;
    chunks.find(i, found);
    counts[i] = found.count;
  }
};

/// Writes the indices of a position.
struct WriteFound {
  int rank;
  const Index* sizes;
  std::int64_t* row;
  __device__ void operator()(Index position) {
    for (int axis = rank - 1; axis >= 0; --axis) {
      const Divided d = divide(position, sizes[axis]);
      row[axis] = d.rest;
      position = d.quotient;
    }
    row += rank;
  }
};

template <typename T>
struct WriteNonzero {
  FindChunk<T> chunks;
  const Index* starts;
  int rank;
  const Index* sizes;
  std::int64_t* out;
  __device__ void operator()(Index i) const {
    WriteFound found{rank, sizes, out + starts[i] * rank};
    chunks.find(i, found);
  }
};

Tensor nonzero(const Tensor& x) {
  const Operand from = operand(x);
  const Strides order = contiguous_strides(x.shape());
  const Walk<2> logical(StridedAxes<2>(x.shape(), {order, from.strides}));
  const Index chunks = chunks_of(x.numel(), kFindChunk);
  DeviceArray<Index> starts(chunks + 1), sizes(x.shape());
  fill_memory(starts.data() + chunks, std::byte{0}, sizeof(Index));
  return visit_dtype(x.dtype(), [&]<typename T>() {
    const FindChunk<T> find{logical, x.numel(), from.as<const T>()};
    launch("nonzero", chunks, CountNonzero<T>{find, starts.data()});
    sum_before("nonzero", starts.data(), chunks + 1, 1);
    Index count = 0;
    copy_memory(&count, starts.data() + chunks, sizeof(count));
    Tensor result = Tensor::empty({count, x.dim()}, DType::int64, x.device());
    launch("nonzero", chunks,
           WriteNonzero<T>{find, starts.data(), x.dim(), sizes.data(),
                           result.mutable_data<std::int64_t>()});
    return result;
  });
}

}  // namespace

const IndexingKernels kIndexing = {
    .gather = gather, .scatter = scatter, .add_places = add_places, .nonzero = nonzero};

}  // namespace voxgrad::ops::cuda
