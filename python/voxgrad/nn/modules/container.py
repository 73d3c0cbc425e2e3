"""Containers of modules and of parameters."""
from __future__ import annotations

from collections import OrderedDict
from itertools import islice
from typing import Any, Iterable, Iterator, Mapping, overload

from .activation import LeakyReLU, ReLU
from .batchnorm import BatchNorm1d, BatchNorm2d, BatchNorm3d
from .instancenorm import InstanceNorm1d, InstanceNorm2d, InstanceNorm3d
from ._parameter_containers import ParameterDict, ParameterList, _pairs, _position
from .module import Module, _addindent


_NORMS = (BatchNorm1d, BatchNorm2d, BatchNorm3d, InstanceNorm1d, InstanceNorm2d, InstanceNorm3d)
_FORWARDS: dict[type, Any] = {kind: kind.forward for kind in (*_NORMS, ReLU, LeakyReLU)}
_MOST_SLOPE = 1e300  # larger ones take the way that says what is wrong with them


def _as_written(module: Module) -> bool:
    """No hook and no forward of its own would notice that it is not called."""
    patched = "forward" in module.__dict__ or type(module).forward is not _FORWARDS[type(module)]
    return not patched and not module._has_hooks()


def _slope_behind(norm: Module, activation: Module) -> float | None:
    """The slope below 0 that the activation gives the norm's results, where the norm can apply it itself."""
    if type(norm) not in _NORMS or type(activation) not in (ReLU, LeakyReLU):
        return None
    slope = 0.0 if type(activation) is ReLU else activation.negative_slope
    if not isinstance(slope, (int, float)) or not 0 <= slope <= _MOST_SLOPE:
        return None
    return float(slope) if _as_written(norm) and _as_written(activation) else None


class Sequential(Module):
    """Modules called one after another: `Sequential(a, b)(x)` is b(a(x)).

    Takes modules, or one OrderedDict of names and modules. Indexing gives a module, a slice a Sequential of the same
    modules.
    """

    def __init__(self, *args: Any) -> None:
        super().__init__()
        named = args[0].items() if len(args) == 1 and isinstance(args[0], OrderedDict) else enumerate(args)
        for name, module in named:
            self.add_module(str(name), module)

    def _key(self, index: Any) -> str:
        return next(islice(self._modules, _position(self, index), None))

    def _rename(self, modules: Iterable[Module]) -> None:
        self._modules = {str(i): m for i, m in enumerate(modules)}

    @overload
    def __getitem__(self, idx: slice) -> "Sequential": ...
    @overload
    def __getitem__(self, idx: int) -> Any: ...

    def __getitem__(self, idx: Any) -> Any:
        if isinstance(idx, slice):
            return type(self)(OrderedDict(list(self._modules.items())[idx]))
        return self._modules[self._key(idx)]

    def __setitem__(self, idx: int, module: Module) -> None:
        setattr(self, self._key(idx), module)

    def __delitem__(self, idx: int | slice) -> None:
        keys = list(self._modules)[idx] if isinstance(idx, slice) else [self._key(idx)]
        for key in keys:
            delattr(self, key)
        self._rename(list(self._modules.values()))

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._modules.values())

    def __add__(self, other: "Sequential") -> "Sequential":
        if not isinstance(other, Sequential):
            raise ValueError(f"Sequential: + needs a Sequential; got {type(other).__name__}")
        return Sequential(*self, *other)

    def __iadd__(self, other: "Sequential") -> "Sequential":
        if not isinstance(other, Sequential):
            raise ValueError(f"Sequential: += needs a Sequential; got {type(other).__name__}")
        return self.extend(other)

    def __mul__(self, other: int) -> "Sequential":
        return Sequential(*(list(self) * _times(other)))

    __rmul__ = __mul__

    def __imul__(self, other: int) -> "Sequential":
        return self.extend(list(self) * (_times(other) - 1))

    def forward(self, input: Any) -> Any:
        """The last module's output. A batch or instance norm and the ReLU or LeakyReLU behind it run as one."""
        modules = list(self)
        last = len(modules) - 1
        i = 0
        while i <= last:
            module = modules[i]
            slope = _slope_behind(module, modules[i + 1]) if i < last else None
            if slope is None:
                input = module(input)
                i += 1
            else:
                input = module._rectified(input, slope)
                i += 2
        return input

    def append(self, module: Module) -> "Sequential":
        """Adds a module at the end; returns the container."""
        self.add_module(str(len(self)), module)
        return self

    def insert(self, index: int, module: Module) -> "Sequential":
        """Puts a module before `index`; returns the container. Raises IndexError outside [-len, len]."""
        if not isinstance(module, Module):
            raise AssertionError(f"Sequential.insert: needs a Module; got {type(module).__name__}")
        size = len(self._modules)
        if not -size <= index <= size:
            raise IndexError(f"Sequential.insert: index must be in [{-size}, {size}]; got {index}")
        modules = list(self)
        modules.insert(index + size if index < 0 else index, module)
        self._rename(modules)
        return self

    def extend(self, sequential: Iterable[Module]) -> "Sequential":
        """Adds modules at the end; returns the container."""
        for module in list(sequential):
            self.append(module)
        return self

    def pop(self, key: int | slice) -> Any:
        """Takes out a module and returns it."""
        found = self[key]
        del self[key]
        return found


def _times(count: Any) -> int:
    if not isinstance(count, int):
        raise TypeError(f"Sequential: * needs an int; got {type(count).__name__}")
    if count <= 0:
        raise ValueError(f"Sequential: * needs a positive number; got {count}")
    return count


class ModuleList(Module):
    """A list of modules that all belong to their owner. It has no forward."""

    def __init__(self, modules: Iterable[Module] | None = None) -> None:
        super().__init__()
        if modules is not None:
            self.extend(modules)

    @overload
    def __getitem__(self, idx: slice) -> "ModuleList": ...
    @overload
    def __getitem__(self, idx: int) -> Any: ...

    def __getitem__(self, idx: Any) -> Any:
        if isinstance(idx, slice):
            return type(self)(list(self)[idx])
        return self._modules[str(_position(self, idx))]

    def __setitem__(self, idx: int, module: Module) -> None:
        setattr(self, str(_position(self, idx)), module)

    def __delitem__(self, idx: int | slice) -> None:
        gone = range(len(self))[idx] if isinstance(idx, slice) else [_position(self, idx)]
        kept = [m for i, m in enumerate(self) if i not in gone]
        self._modules = {str(i): m for i, m in enumerate(kept)}

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._modules.values())

    def __contains__(self, module: object) -> bool:
        return any(m is module for m in self)

    def __iadd__(self, modules: Iterable[Module]) -> "ModuleList":  # type: ignore[misc]
        return self.extend(modules)

    def __add__(self, other: Iterable[Module]) -> "ModuleList":
        return ModuleList([*self, *other])

    def append(self, module: Module) -> "ModuleList":
        """Adds a module at the end; returns the list."""
        self.add_module(str(len(self)), module)
        return self

    def insert(self, index: int, module: Module) -> None:
        """Puts a module before `index`, as list.insert does."""
        if not isinstance(module, Module):
            raise TypeError(f"ModuleList.insert: needs a Module; got {type(module).__name__}")
        modules = list(self)
        modules.insert(index, module)
        self._modules = {str(i): m for i, m in enumerate(modules)}

    def extend(self, modules: Iterable[Module]) -> "ModuleList":
        """Adds modules at the end; returns the list. Raises TypeError for what cannot be iterated."""
        if not isinstance(modules, Iterable):
            raise TypeError(f"ModuleList.extend: needs an iterable of modules; got {type(modules).__name__}")
        for module in list(modules):
            self.append(module)
        return self

    def pop(self, key: int | slice) -> Any:
        """Takes out a module and returns it."""
        found = self[key]
        del self[key]
        return found

    def __repr__(self) -> str:
        """As for every module; neighbours that print alike are printed once, with their number."""
        runs: list[list[Any]] = []
        for i, module in enumerate(self):
            text = repr(module)
            if runs and runs[-1][2] == text:
                runs[-1][1] = i
            else:
                runs.append([i, i, text])
        if not runs:
            return f"{self._get_name()}()"
        lines = [f"({a}): {_addindent(text, 2)}" if a == b else f"({a}-{b}): {b - a + 1} x {_addindent(text, 2)}"
                 for a, b, text in runs]
        return f"{self._get_name()}(\n  " + "\n  ".join(lines) + "\n)"


class ModuleDict(Module):
    """A dict of modules that all belong to their owner, in the order of insertion. It has no forward."""

    def __init__(self, modules: Mapping[str, Module] | Iterable[tuple[str, Module]] | None = None) -> None:
        super().__init__()
        if modules is not None:
            self.update(modules)

    def __getitem__(self, key: str) -> Any:
        return self._modules[key]

    def __setitem__(self, key: str, module: Module) -> None:
        self.add_module(key, module)

    def __delitem__(self, key: str) -> None:
        del self._modules[key]

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __contains__(self, key: object) -> bool:
        return key in self._modules

    def clear(self) -> None:
        """Takes out all modules."""
        self._modules.clear()

    def pop(self, key: str) -> Any:
        """Takes out a module and returns it. Raises KeyError."""
        return self._modules.pop(key)

    def keys(self) -> Iterable[str]:
        """The names."""
        return self._modules.keys()

    def items(self) -> Iterable[tuple[str, Any]]:
        """(name, module) pairs."""
        return self._modules.items()

    def values(self) -> Iterable[Any]:
        """The modules."""
        return self._modules.values()

    def update(self, modules: Mapping[str, Module] | Iterable[tuple[str, Module]]) -> None:
        """Adds or replaces modules from a mapping or from pairs. Raises TypeError, ValueError for anything else."""
        for name, module in _pairs("ModuleDict", modules):
            self[name] = module


__all__ = ["ModuleDict", "ModuleList", "ParameterDict", "ParameterList", "Sequential"]
