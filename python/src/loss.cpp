// Losses.
#include "bind.h"

#include <voxgrad/autograd/functions/loss.h>

namespace voxgrad::python {

void bind_loss(py::module_& m) {
  py::enum_<Reduction>(m, "_Reduction")
      .value("mean", Reduction::mean)
      .value("sum", Reduction::sum)
      .value("none", Reduction::none);
  m.def(
      "_cross_entropy",
      [](const Tensor& x, const Tensor& labels, const MaybeTensor& weight, Index ignore_index,
         Reduction reduction, double label_smoothing) {
        return cross_entropy(x, labels,
                             {defined_or_not(weight), ignore_index, reduction, label_smoothing});
      },
      ReleaseGil());
  m.def(
      "_nll_loss",
      [](const Tensor& x, const Tensor& labels, const MaybeTensor& weight, Index ignore_index,
         Reduction reduction) {
        return nll_loss(x, labels, {defined_or_not(weight), ignore_index, reduction});
      },
      ReleaseGil());
  m.def("_mse_loss", &mse_loss, ReleaseGil());
  m.def("_l1_loss", &l1_loss, ReleaseGil());
  m.def("_smooth_l1_loss", &smooth_l1_loss, ReleaseGil());
  m.def("_huber_loss", &huber_loss, ReleaseGil());
  m.def("_cosine_similarity", &cosine_similarity, ReleaseGil());
  m.def(
      "_binary_cross_entropy",
      [](const Tensor& p, const Tensor& y, const MaybeTensor& weight, Reduction reduction) {
        return binary_cross_entropy(p, y,
                                    BinaryCrossEntropyOptions{defined_or_not(weight), reduction});
      },
      ReleaseGil());
  m.def(
      "_bce_with_logits",
      [](const Tensor& x, const Tensor& y, const MaybeTensor& weight, const MaybeTensor& pos_weight,
         Reduction reduction) {
        return binary_cross_entropy_with_logits(
            x, y, {defined_or_not(weight), defined_or_not(pos_weight), reduction});
      },
      ReleaseGil());
  m.def(
      "_kl_div",
      [](const Tensor& x, const Tensor& target, Reduction reduction, bool batchmean,
         bool log_target) {
        return kl_div(x, target, {reduction, batchmean, log_target});
      },
      ReleaseGil());
  m.def(
      "_dice_loss",
      [](const Tensor& x, const Tensor& labels, bool batch_dice, bool include_background,
         double smooth, std::optional<Index> ignore_index) {
        return dice_loss(x, labels, {batch_dice, include_background, smooth, ignore_index});
      },
      ReleaseGil());
  m.def("_one_hot", &one_hot, ReleaseGil());
}

}  // namespace voxgrad::python
