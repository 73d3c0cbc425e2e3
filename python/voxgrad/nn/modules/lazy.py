"""Layers that learn the size of their parameters from their first input."""
from __future__ import annotations

import threading
from typing import Any, ClassVar

from ..parameter import UninitializedParameter, is_lazy
from .module import Module

_first_input = threading.RLock()


class LazyModuleMixin(Module):
    """Base of such layers, before the layer's own class: `class LazyNet(LazyModuleMixin, Net)`.

    `initialize_parameters(*args)` materializes the UninitializedParameters from the first input; then the module's
    class becomes `cls_to_become`. Run the network once before its parameters go to an optimizer.
    """

    cls_to_become: ClassVar[type[Module] | None] = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._load_hook = self._register_load_state_dict_pre_hook(self._lazy_load_hook)
        self._initialize_hook = self.register_forward_pre_hook(self._infer_parameters, with_kwargs=True)

    def _lazy_load_hook(self, state_dict: Any, prefix: str, *_: Any) -> None:
        for name, parameter in self._parameters.items():
            value = state_dict.get(prefix + name)
            if isinstance(parameter, UninitializedParameter) and value is not None and not is_lazy(value):
                parameter.materialize(value.shape)

    def initialize_parameters(self, *args: Any, **kwargs: Any) -> None:
        """Gives every UninitializedParameter its shape and values; every subclass gives its own."""
        raise NotImplementedError(f"{type(self).__name__}: the class must define initialize_parameters()")

    def has_uninitialized_params(self) -> bool:
        """Whether some parameter still waits for the first input."""
        return any(is_lazy(parameter) for parameter in self._parameters.values())

    def _infer_parameters(self, module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        with _first_input:
            if "_initialize_hook" not in module.__dict__:  # another thread's input came first
                return
            module.initialize_parameters(*args, **kwargs)
            if module.has_uninitialized_params():
                raise RuntimeError(f"{module._get_name()}: initialize_parameters() must materialize all parameters")
            if module.cls_to_become is not None:
                module.__class__ = module.cls_to_become
            module._initialize_hook.remove()
            module._load_hook.remove()
            del module._initialize_hook, module._load_hook


__all__ = ["LazyModuleMixin"]
