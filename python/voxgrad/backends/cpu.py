"""What computes on the CPU."""
from __future__ import annotations

from .. import _C


def get_cpu_capability() -> str:
    """The vector instructions in use: "AVX512", "AVX2", or "DEFAULT", which every processor has.

    They are the best that the processor has, unless the environment's VOXGRAD_CPU (portable, avx2 or avx512) asks for
    less. AVX512 means F, BW, DQ and VL; AVX2 is with FMA.
    """
    return {"portable": "DEFAULT", "avx2": "AVX2", "avx512": "AVX512"}[_C._instruction_set()]


__all__ = ["get_cpu_capability"]
