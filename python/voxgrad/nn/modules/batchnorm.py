"""Batch normalisation."""
from __future__ import annotations

from typing import Any, ClassVar

from ... import _C
from ..._C import ShapeError, Tensor
from ..._support import as_device, ints
from ._affine import _Affine
from .linear import _empty


class _NormBase(_Affine):
    """Options, parameters and running statistics that batch and instance normalisation share."""

    _version = 2

    num_features: int
    eps: float
    momentum: float | None
    affine: bool
    track_running_stats: bool
    running_mean: Tensor | None
    running_var: Tensor | None
    num_batches_tracked: Tensor | None

    def __init__(self, num_features: int, eps: float = 1e-5, momentum: float | None = 0.1, affine: bool = True,
                 track_running_stats: bool = True, device: Any = None, dtype: Any = None, *, bias: bool = True) -> None:
        super().__init__()
        name = self._get_name()
        if ints(name, "num_features", num_features)[0] < 1:
            raise ShapeError(f"{name}: num_features must be >= 1; got {num_features}")
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        self.affine, self.track_running_stats = affine, track_running_stats
        self._make_affine([num_features], affine, bias, device, dtype)
        tracked = track_running_stats
        self.register_buffer("running_mean", _empty(name, [num_features], device, dtype) if tracked else None)
        self.register_buffer("running_var", _empty(name, [num_features], device, dtype) if tracked else None)
        count = _C._full([], 0.0, _C.int64, as_device(device)) if tracked else None
        self.register_buffer("num_batches_tracked", count)
        self.reset_parameters()

    def reset_running_stats(self) -> None:
        """Running mean 0, variance 1, no batches seen."""
        for buffer, value in ((self.running_mean, 0.0), (self.running_var, 1.0), (self.num_batches_tracked, 0.0)):
            if buffer is not None:
                buffer._fill_(value)

    def reset_parameters(self) -> None:
        """Weight 1, bias 0, and reset_running_stats()."""
        self.reset_running_stats()
        super().reset_parameters()

    def _check_input_dim(self, input: Tensor) -> None:
        raise NotImplementedError(f"{self._get_name()}: the class must define _check_input_dim()")

    def extra_repr(self) -> str:
        return (f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
                f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}")

    def _load_from_state_dict(self, state_dict: Any, prefix: str, local_metadata: Any, strict: bool,
                              missing_keys: list[str], unexpected_keys: list[str], error_msgs: list[str]) -> None:
        # Files of before version 2 do not count batches.
        if (local_metadata.get("version") or 0) < 2 and self.track_running_stats:
            key = prefix + "num_batches_tracked"
            if key not in state_dict:
                state_dict[key] = self.num_batches_tracked
        super()._load_from_state_dict(state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys,
                                      error_msgs)


class _BatchNorm(_NormBase):
    """The call of BatchNorm1d, BatchNorm2d and BatchNorm3d."""

    _ranks: ClassVar[tuple[int, ...]] = ()  # of inputs

    def _check_input_dim(self, input: Tensor) -> None:
        if self._ranks and input.ndim not in self._ranks:
            wanted = " or ".join(map(str, self._ranks))
            raise ShapeError(f"{self._get_name()}: input must have {wanted} axes; got shape {list(input.shape)}")

    def _count_batch(self) -> float:
        """How much of the batch enters the running statistics; counts it."""
        factor = 0.0 if self.momentum is None else self.momentum
        if self.training and self.track_running_stats and self.num_batches_tracked is not None:
            self.num_batches_tracked.add_(1)
            if self.momentum is None:
                factor = 1.0 / float(self.num_batches_tracked.item())
        return factor

    def forward(self, input: Tensor) -> Tensor:
        return self._rectified(input, 1.0)

    def _rectified(self, input: Tensor, negative_slope: float) -> Tensor:
        """The layer, then leaky_relu of that slope."""
        self._check_input_dim(input)
        factor = self._count_batch()
        stats_of_batch = self.training or (self.running_mean is None and self.running_var is None)
        keep = not self.training or self.track_running_stats
        return _C._batch_norm(input, self.running_mean if keep else None, self.running_var if keep else None,
                              self.weight, self.bias, stats_of_batch, factor, self.eps, negative_slope)


_BATCH_NORM = """Batch normalisation of {what}: (input - mean) / sqrt(variance + eps) * weight + bias per channel.

    In training mean and (biased) variance are the batch's, and the running ones follow:
    running = (1 - momentum) * running + momentum * batch, with the unbiased variance; `momentum=None` averages all
    batches. After eval() the running ones are used (Ioffe and Szegedy, https://arxiv.org/abs/1502.03167).

    Args:
        num_features: number of channels C.
        eps: added to the variance.
        momentum: of the running statistics.
        affine: learn weight (ones at first) and bias (zeros).
        track_running_stats: keep running statistics; without, the batch's are always used.

    Shapes: input and output {shape}. Raises ValueError for other ranks, and in training for one value per channel.
    """


class BatchNorm1d(_BatchNorm):
    __doc__ = _BATCH_NORM.format(what="vectors and sequences", shape="(N, C) or (N, C, L)")
    _ranks = (2, 3)


class BatchNorm2d(_BatchNorm):
    __doc__ = _BATCH_NORM.format(what="images", shape="(N, C, H, W)")
    _ranks = (4,)


class BatchNorm3d(_BatchNorm):
    __doc__ = _BATCH_NORM.format(what="volumes", shape="(N, C, D, H, W)")
    _ranks = (5,)


__all__ = ["BatchNorm1d", "BatchNorm2d", "BatchNorm3d"]
