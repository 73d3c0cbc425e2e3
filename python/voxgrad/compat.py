"""Libraries written for PyTorch, run without PyTorch: between install() and uninstall(), `import torch` gives voxgrad.

    import voxgrad.compat

    voxgrad.compat.install()
    from some_library_for_pytorch import Net  # its `import torch` finds voxgrad

    net = Net()  # a voxgrad.nn.Module

What is imported are stand-ins: modules named torch, torch.nn, torch.nn.modules.conv and so on that hold the very
classes and functions of voxgrad's modules, so that `torch.nn.Conv3d is voxgrad.nn.Conv3d`. voxgrad's own modules stay
as they are: what a library sets on a stand-in changes the stand-in alone. Of what voxgrad does not have, the stand-ins
hold `__version__` (that of the PyTorch whose meaning voxgrad follows), `torch.compile` and `torch.jit` (which change
nothing), `torch.cuda.amp`, `torch.autograd.Variable` and `torch.distributed` (not available). Any other name raises
AttributeError, any other submodule ModuleNotFoundError.
"""
from __future__ import annotations

import importlib
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, Final, Sequence

from ._C import Tensor
from ._C import __version__ as _version
from .amp import GradScaler, autocast

_REAL = __name__.rpartition(".")[0]
_NAME = "torch"
_HIDDEN = {"compat"}


def _unchanged(fn: Any = None, **options: Any) -> Any:
    """A decorator, with or without arguments, that gives the function as it is."""
    return fn if callable(fn) else lambda f: f


def _no(*args: Any) -> bool:
    return False


def _variable(data: Tensor, requires_grad: bool = False, volatile: Any = None) -> Tensor:
    """A tensor of the same memory outside the graph: what scripts of PyTorch before 0.4 wrap their data in."""
    return data.detach().requires_grad_(requires_grad)


def _cuda_autocast(enabled: bool = True, dtype: Any = None, cache_enabled: bool = True) -> autocast:
    return autocast("cuda", dtype, enabled, cache_enabled)


def _cuda_scaler(*args: Any, **kwargs: Any) -> GradScaler:
    return GradScaler("cuda", *args, **kwargs)


_ONLY_HERE: dict[str, dict[str, Any]] = {
    "torch": {"__version__": f"2.15.0+{_REAL}.{_version}", "compile": _unchanged},
    "torch.autograd": {"Variable": _variable},
    "torch.cuda.amp": {"GradScaler": _cuda_scaler, "autocast": _cuda_autocast},
    "torch.jit": {"Final": Final, "export": _unchanged, "ignore": _unchanged, "is_scripting": _no,
                  "is_tracing": _no, "script": _unchanged, "unused": _unchanged},
    "torch.distributed": {"is_available": _no, "is_initialized": _no},
}


def _behind(name: str) -> ModuleType | None:
    """voxgrad's module behind a stand-in's name; None where there is none."""
    parts = name.split(".")[1:]
    if any(part.startswith("_") or part in _HIDDEN for part in parts):
        return None
    path = ".".join([_REAL, *parts])
    try:
        return importlib.import_module(path)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{path}.".startswith(f"{error.name}."):
            raise
        return None


class _StandIn(ModuleType):
    """A module that holds the names of one of voxgrad's, and makes its submodules when they are asked for."""

    def __init__(self, name: str, real: ModuleType | None) -> None:
        super().__init__(name, None if real is None else real.__doc__)
        names = {} if real is None else vars(real)
        self.__dict__.update((key, value) for key, value in names.items()
                             if not isinstance(value, ModuleType) and (not key.startswith("__") or key == "__all__"))
        self.__dict__.update(_ONLY_HERE.get(name, {}))
        self.__spec__ = ModuleSpec(name, _LOADER, origin=_REAL, is_package=True)
        self.__loader__, self.__path__, self.__package__ = _LOADER, [], name
        self._behind = real
        self._children: dict[str, _StandIn] = {}

    def __getattr__(self, name: str) -> Any:
        """A submodule, or what voxgrad's module got since."""
        if not name.startswith("__"):
            child = _submodule(self, name)
            if child is not None:
                return child
            if hasattr(self._behind, name) and not isinstance(getattr(self._behind, name), ModuleType):
                return getattr(self._behind, name)
        raise AttributeError(f"{self.__name__}.{name}: voxgrad has no such name; {_NAME} is voxgrad here, by "
                             "voxgrad.compat.install()", name=name, obj=self)

    def __setattr__(self, name: str, value: Any) -> None:
        # Importing torch.autograd.gradcheck, a module, must not hide the function of that name.
        if isinstance(value, _StandIn) and not isinstance(self.__dict__.get(name, value), _StandIn):
            return
        super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        return sorted({*self.__dict__, *(() if self._behind is None else dir(self._behind))})

    def __repr__(self) -> str:
        return f"<module '{self.__name__}' of voxgrad.compat>"


def _submodule(parent: _StandIn, name: str) -> _StandIn | None:
    """The stand-in `parent.name`, made once; None where voxgrad has no such module."""
    path = f"{parent.__name__}.{name}"
    if name in parent._children:
        return parent._children[name]
    real = _behind(path)
    if real is None and path not in _ONLY_HERE:
        return None
    made = parent._children[name] = _StandIn(path, real)
    setattr(parent, name, made)
    if sys.modules.get(parent.__name__) is parent:  # not after uninstall()
        sys.modules[path] = made
    return made


class _Finder:
    """Answers imports of torch and what is in it (a finder), and loads them (a loader): stand-ins are born complete.

    It takes no base of importlib.abc, whose import costs as much as voxgrad's own.
    """

    def find_spec(self, fullname: str, path: Sequence[str] | None = None,
                  target: ModuleType | None = None) -> ModuleSpec | None:
        parent, _, name = fullname.rpartition(".")
        if fullname == _NAME:
            return ModuleSpec(_NAME, _LOADER, origin=_REAL, is_package=True)
        above = sys.modules.get(parent)
        made = _submodule(above, name) if isinstance(above, _StandIn) else None
        return None if made is None else made.__spec__

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        parent, _, name = spec.name.rpartition(".")
        above = sys.modules.get(parent)
        made = _submodule(above, name) if isinstance(above, _StandIn) else None
        return _StandIn(_NAME, _behind(_NAME)) if made is None else made

    def exec_module(self, module: ModuleType) -> None:
        pass


_LOADER: Any = _Finder()


def install() -> None:
    """Makes `import torch`, and the import of its submodules, answer with voxgrad until uninstall().

    A second call changes nothing. Raises RuntimeError where the real PyTorch is imported already: a program can hold
    one of the two.
    """
    taken = [name for name, module in list(sys.modules.items())  # a list: other threads import
             if name.partition(".")[0] == _NAME and not isinstance(module, _StandIn)]
    if taken:
        raise RuntimeError(f"compat.install: '{taken[0]}' is imported already, and is not voxgrad; call install() "
                           "before anything imports it")
    if _LOADER not in sys.meta_path:
        sys.meta_path.insert(0, _LOADER)


def uninstall() -> None:
    """Undoes install(): `import torch` looks for PyTorch again. Without install() it changes nothing.

    Libraries imported meanwhile keep voxgrad; import them anew, in a new process, for PyTorch.
    """
    if _LOADER in sys.meta_path:
        sys.meta_path.remove(_LOADER)
    for name, module in list(sys.modules.items()):
        if isinstance(module, _StandIn):
            sys.modules.pop(name, None)


__all__ = ["install", "uninstall"]
