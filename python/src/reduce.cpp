// Reductions and orders along axes; Python has settled which axes.
#include "bind.h"

#include <numeric>

#include <voxgrad/autograd/functions/reduce.h>
#include <voxgrad/autograd/functions/softmax.h>
#include <voxgrad/autograd/functions/sort.h>

namespace voxgrad::python {

namespace {

using Axes = const std::optional<std::vector<Index>>&;  // none: all
using Pair = std::pair<Tensor, Tensor>;

Pair pair_of(ValuesIndices both) { return {std::move(both.values), std::move(both.indices)}; }

std::vector<Index> chosen(const Tensor& x, Axes axes) {
  if (axes) return *axes;
  std::vector<Index> all(x.shape().size());
  std::iota(all.begin(), all.end(), Index{0});
  return all;
}

void bind_sums(py::module_& m) {
  const auto over_axes = [&m](const char* name,
                              Tensor (*f)(const Tensor&, std::span<const Index>, bool)) {
    m.def(
        name, [f](const Tensor& x, Axes axes, bool keep) { return f(x, chosen(x, axes), keep); },
        ReleaseGil());
  };
  over_axes("_amax", &amax);
  over_axes("_amin", &amin);
  over_axes("_any", &any);
  over_axes("_all", &all);
  over_axes("_logsumexp", &logsumexp);
  m.def(
      "_sum", [](const Tensor& x, Axes axes, bool keep) { return sum(x, chosen(x, axes), keep); },
      ReleaseGil());
  m.def(
      "_mean", [](const Tensor& x, Axes axes, bool keep) { return mean(x, chosen(x, axes), keep); },
      ReleaseGil());
  m.def(
      "_prod", [](const Tensor& x) { return prod(x); }, ReleaseGil());
  m.def(
      "_prod", [](const Tensor& x, Index axis, bool keep) { return prod(x, axis, keep); },
      ReleaseGil());
  m.def(
      "_cumsum", [](const Tensor& x, Index axis) { return cumsum(x, axis); }, ReleaseGil());
  m.def(
      "_count_nonzero",
      [](const Tensor& x, Axes axes) { return count_nonzero(x, chosen(x, axes)); }, ReleaseGil());
  m.def(
      "_var",
      [](const Tensor& x, Axes axes, double correction, bool keep) {
        return var(x, chosen(x, axes), correction, keep);
      },
      ReleaseGil());
  m.def(
      "_std",
      [](const Tensor& x, Axes axes, double correction, bool keep) {
        return voxgrad::std(x, chosen(x, axes), correction, keep);
      },
      ReleaseGil());
  m.def(
      "_norm",
      [](const Tensor& x, double p, Axes axes, bool keep) {
        return norm(x, p, chosen(x, axes), keep);
      },
      ReleaseGil());
}

void bind_orders(py::module_& m) {
  m.def("_max", py::overload_cast<const Tensor&>(&max), ReleaseGil());
  m.def("_min", py::overload_cast<const Tensor&>(&min), ReleaseGil());
  m.def("_median", py::overload_cast<const Tensor&>(&median), ReleaseGil());
  const auto along = [&m](const char* name, ValuesIndices (*f)(const Tensor&, Index, bool)) {
    m.def(
        name, [f](const Tensor& x, Index axis, bool keep) { return pair_of(f(x, axis, keep)); },
        ReleaseGil());
  };
  along("_max", &max);
  along("_min", &min);
  along("_median", &median);
  along("_sort", &sort);
  m.def("_argmax", py::overload_cast<const Tensor&>(&argmax), ReleaseGil());
  m.def("_argmax", py::overload_cast<const Tensor&, Index, bool>(&argmax), ReleaseGil());
  m.def("_argmin", py::overload_cast<const Tensor&>(&argmin), ReleaseGil());
  m.def("_argmin", py::overload_cast<const Tensor&, Index, bool>(&argmin), ReleaseGil());
  m.def("_argsort", &argsort, ReleaseGil());
  m.def(
      "_topk",
      [](const Tensor& x, Index k, Index axis, bool largest) {
        return pair_of(topk(x, k, axis, largest));
      },
      ReleaseGil());
}

}  // namespace

void bind_reduce(py::module_& m) {
  bind_sums(m);
  bind_orders(m);
  m.def("_softmax", &softmax, ReleaseGil());
  m.def("_log_softmax", &log_softmax, ReleaseGil());
}

}  // namespace voxgrad::python
