"""The functions behind the layers, with PyTorch's names, arguments and values."""
from __future__ import annotations

from ._functional.activation import *  # noqa: F403
from ._functional.convolution import *  # noqa: F403
from ._functional.image import *  # noqa: F403
from ._functional.loss import *  # noqa: F403
from ._functional.margin import *  # noqa: F403
from ._functional.norm import *  # noqa: F403
from ._functional.pooling import *  # noqa: F403
