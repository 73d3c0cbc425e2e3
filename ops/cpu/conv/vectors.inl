// Internal: vectors of one instruction set, for the kernel files alone: every file that includes
// this compiles its own.
namespace voxgrad::ops::cpu {
namespace {

template <typename T, int kLanes>
struct VectorOf {
  typedef T Type __attribute__((vector_size(kLanes * sizeof(T))));
};

template <typename Vector, typename T>
[[gnu::always_inline]] inline void load(Vector& to, const T* from) {
  __builtin_memcpy(&to, from, sizeof(Vector));
}

template <typename Vector, typename T>
[[gnu::always_inline]] inline void store(T* to, const Vector& from) {
  __builtin_memcpy(to, &from, sizeof(Vector));
}

}  // namespace
}  // namespace voxgrad::ops::cpu
