// Internal: the transforms of one axis, F(2, 3) at 0, 1, -1 and infinity, F(4, 3) at 0, 5/8, -5/8,
// 3/2, -3/2 and infinity. The method: Lavin and Gray, "Fast Algorithms for Convolutional Neural
// Networks", 2016. Its points 1 and 2 make twice the rounding error of 5/8 and 3/2.
// Values, also those of the results, are kStep apart.
#pragma once

namespace voxgrad::ops::cpu {
namespace {

// F(4, 3): the points and their powers, and what divides the rows of G.
constexpr float kNear = 0.625F, kNear2 = kNear * kNear, kNear3 = kNear2 * kNear;
constexpr float kFar = 1.5F, kFar2 = kFar * kFar, kFar3 = kFar2 * kFar;
constexpr float kBoth2 = kNear2 * kFar2, kSum2 = kNear2 + kFar2;
constexpr float kOverZero = 1 / kBoth2;
constexpr float kOverNear = 1 / (2 * kNear2 * (kNear2 - kFar2));
constexpr float kOverFar = 1 / (2 * kFar2 * (kFar2 - kNear2));

// B^T d, in place.
template <int kTile, int kStep, typename V>
[[gnu::always_inline]] inline void transform_input(V* d) {
  const V d1 = d[kStep], d2 = d[2 * kStep], d3 = d[3 * kStep];
  if constexpr (kTile == 2) {
    d[0] -= d2;
    d[kStep] = d1 + d2;
    d[2 * kStep] = d2 - d1;
    d[3 * kStep] = d1 - d3;
  } else {
    const V d4 = d[4 * kStep];
    const V even = d4 - kFar2 * d2, odd = kNear * (d3 - kFar2 * d1);
    const V far_even = d4 - kNear2 * d2, far_odd = kFar * (d3 - kNear2 * d1);
    d[0] = kBoth2 * d[0] - kSum2 * d2 + d4;
    d[kStep] = even + odd;
    d[2 * kStep] = even - odd;
    d[3 * kStep] = far_even + far_odd;
    d[4 * kStep] = far_even - far_odd;
    d[5 * kStep] += kBoth2 * d1 - kSum2 * d3;
  }
}

// A^T m, in place: the first kTile values.
template <int kTile, int kStep, typename V>
[[gnu::always_inline]] inline void transform_output(V* m) {
  const V near_sum = m[kStep] + m[2 * kStep], near_difference = m[kStep] - m[2 * kStep];
  if constexpr (kTile == 2) {
    m[0] += near_sum;
    m[kStep] = near_difference - m[3 * kStep];
  } else {
    const V far_sum = m[3 * kStep] + m[4 * kStep], far_difference = m[3 * kStep] - m[4 * kStep];
    m[0] += near_sum + far_sum;
    m[kStep] = kNear * near_difference + kFar * far_difference;
    m[2 * kStep] = kNear2 * near_sum + kFar2 * far_sum;
    m[3 * kStep] = kNear3 * near_difference + kFar3 * far_difference + m[5 * kStep];
  }
}

// A e, in place.
template <int kTile, int kStep, typename V>
[[gnu::always_inline]] inline void transform_cotangent(V* e) {
  const V e0 = e[0], e1 = e[kStep];
  if constexpr (kTile == 2) {
    e[kStep] = e0 + e1;
    e[2 * kStep] = e0 - e1;
    e[3 * kStep] = -e1;
  } else {
    const V e2 = e[2 * kStep], e3 = e[3 * kStep];
    const V even = e0 + kNear2 * e2, odd = kNear * e1 + kNear3 * e3;
    const V far_even = e0 + kFar2 * e2, far_odd = kFar * e1 + kFar3 * e3;
    e[kStep] = even + odd;
    e[2 * kStep] = even - odd;
    e[3 * kStep] = far_even + far_odd;
    e[4 * kStep] = far_even - far_odd;
    e[5 * kStep] = e3;
  }
}

// G g: three taps become kTile + 2 values.
template <int kTile, int kStep, typename V>
[[gnu::always_inline]] inline void transform_taps(V g0, V g1, V g2, V* u) {
  if constexpr (kTile == 2) {
    const V even = 0.5F * (g0 + g2), odd = 0.5F * g1;
    u[0] = g0;
    u[kStep] = even + odd;
    u[2 * kStep] = even - odd;
    u[3 * kStep] = g2;
  } else {
    const V even = kOverNear * (g0 + kNear2 * g2), odd = kOverNear * kNear * g1;
    const V far_even = kOverFar * (g0 + kFar2 * g2), far_odd = kOverFar * kFar * g1;
    u[0] = kOverZero * g0;
    u[kStep] = even + odd;
    u[2 * kStep] = even - odd;
    u[3 * kStep] = far_even + far_odd;
    u[4 * kStep] = far_even - far_odd;
    u[5 * kStep] = g2;
  }
}

// G^T u: kTile + 2 values become three taps, which may stand in the place of the first three.
template <int kTile, int kStep, typename V>
[[gnu::always_inline]] inline void transform_taps_back(const V* u, V* g) {
  V g0, g1, g2;
  if constexpr (kTile == 2) {
    const V half_sum = 0.5F * (u[kStep] + u[2 * kStep]);
    g0 = u[0] + half_sum;
    g1 = 0.5F * (u[kStep] - u[2 * kStep]);
    g2 = half_sum + u[3 * kStep];
  } else {
    const V near_sum = kOverNear * (u[kStep] + u[2 * kStep]);
    const V far_sum = kOverFar * (u[3 * kStep] + u[4 * kStep]);
    g0 = kOverZero * u[0] + near_sum + far_sum;
    g1 = kOverNear * kNear * (u[kStep] - u[2 * kStep]) +
         kOverFar * kFar * (u[3 * kStep] - u[4 * kStep]);
    g2 = kNear2 * near_sum + kFar2 * far_sum + u[5 * kStep];
  }
  g[0] = g0;
  g[kStep] = g1;
  g[2 * kStep] = g2;
}

}  // namespace
}  // namespace voxgrad::ops::cpu
