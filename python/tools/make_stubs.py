"""Writes voxgrad/_C.pyi: the types of the compiled half, and of class Tensor with all its methods.

    python make_stubs.py            # with the built package importable; writes beside the package's sources
    python make_stubs.py --check    # exit status 1 when the file is not what would be written
"""
from __future__ import annotations

import argparse
import inspect
import pathlib
import re
import sys
import types
from typing import Any

import voxgrad
from voxgrad import _C

HEADER = '''# Written by python/tools/make_stubs.py.
import builtins
import collections.abc
import typing
from typing import Any, Callable, Iterator, Sequence

import numpy
import numpy as np

from ._reduce import ValuesIndices
from ._statistics import MinMax
from ._support import Dims, Number, Size
from ._tensor import RemovableHandle

__version__: str

_bool = builtins.bool
_int = builtins.int
_float = builtins.float
'''
# Tensor has members of these names, so its annotations need others.
RENAMED = {"bool": "_bool", "int": "_int", "float": "_float", "dtype": "_dtype", "device": "_device"}
PROPERTIES = {"shape": "Size", "dtype": "_dtype", "device": "_device", "ndim": "_int", "requires_grad": "_bool",
              "grad": "Tensor | None", "data": "Tensor", "is_leaf": "_bool", "_version": "_int", "_op": "str | None"}
SETTABLE = {"requires_grad", "grad", "data"}


def renamed(annotation: str) -> str:
    """An annotation for the inside of a class with members named like types."""
    return re.sub(r"(?<![\w.])(bool|int|float|dtype|device)(?!\w|: )", lambda m: RENAMED[m.group(1)], annotation)


def cleaned(signature: str) -> str:
    """pybind11's signature with names that the stub knows."""
    text = signature.replace("voxgrad._C.", "").replace("voxgrad.Tensor", "Tensor")
    text = text.replace("typing.SupportsInt | typing.SupportsIndex", "typing.SupportsInt")
    text = text.replace("typing.SupportsFloat | typing.SupportsIndex", "typing.SupportsFloat")
    text = re.sub(r"= <[^>]*>", "= ...", text)
    text = re.sub(r"= device\([^)]*\)", "= ...", text)
    text = text.replace("-> object", "-> Any").replace("typing_extensions.CapsuleType", "Any")
    # Arguments without names are positional.
    names = re.findall(r"arg\d+", text)
    if names and text.count(": ") == len(names):
        text = text.replace(") ->", ", /) ->", 1)
    return text


def signatures(f: Any) -> list[str]:
    """The signatures in a compiled function's docstring."""
    name = getattr(f, "__name__", "")
    lines = (f.__doc__ or "").splitlines() if name else []
    found = [re.sub(r"^\d+\. ", "", line) for line in lines if re.match(rf"(\d+\. )?{name}\(.*\) -> ", line)]
    return [cleaned(line) for line in found]


def stub_function(f: Any, indent: str = "") -> list[str]:
    """`def` lines of a compiled function, with overloads."""
    found = [renamed(s) for s in signatures(f)]
    mark = [f"{indent}@typing.overload"] if len(found) > 1 else []
    return [line for s in found for line in (*mark, f"{indent}def {s}: ...")]


def stub_method(name: str, f: Any) -> str:
    """`def` line of a method that Python attached."""
    parameters = []
    for i, p in enumerate(inspect.signature(f).parameters.values()):
        if i == 0:
            p = p.replace(annotation=inspect.Parameter.empty)
        parameters.append(p.replace(annotation=Raw(p.annotation), default=Shown(p.default)))
    signature = inspect.Signature(parameters)
    result = inspect.signature(f).return_annotation
    result = "Any" if result is inspect.Signature.empty else renamed(str(result))
    mark = "  # type: ignore[override]" if name in ("__eq__", "__ne__") else ""  # object's give bool
    return f"    def {name}{signature} -> {result}: ...{mark}"


class Raw:
    """An annotation that prints as its text."""

    def __new__(cls, annotation: Any) -> Any:
        if annotation is inspect.Parameter.empty:
            return annotation
        made = super().__new__(cls)
        made.text = renamed(annotation if isinstance(annotation, str) else annotation.__name__)
        return made

    def __repr__(self) -> str:
        return self.text


class Shown:
    """A default that prints as a literal or as `...`."""

    def __new__(cls, value: Any) -> Any:
        if value is inspect.Parameter.empty:
            return value
        made = super().__new__(cls)
        made.text = repr(value) if value is None or isinstance(value, (int, float, str, tuple)) else "..."
        return made

    def __repr__(self) -> str:
        return self.text


def stub_tensor() -> list[str]:
    lines = ["class Tensor:"]
    for name, member in sorted(vars(_C.Tensor).items()):
        if name in PROPERTIES:
            lines += ["    @property", f"    def {name}(self) -> {PROPERTIES[name]}: ..."]
            if name in SETTABLE:
                lines += [f"    @{name}.setter", f"    def {name}(self, value: {PROPERTIES[name]}) -> None: ..."]
        elif isinstance(member, property):
            lines += ["    @property", f"    def {name}(self) -> Any: ..."]
        elif isinstance(member, types.FunctionType):
            lines.append(stub_method(name, member))
        elif name not in ("__new__", "__doc__", "__module__") and signatures(member):
            lines += stub_function(member, "    ")
    lines.append("    __array_priority__: _int")
    return lines


def stub_class(name: str, kind: type) -> list[str]:
    if issubclass(kind, BaseException):
        bases = ", ".join(b.__name__ for b in kind.__bases__)
        return [f"class {name}({bases}): ..."]
    if hasattr(kind, "__members__"):
        numbers = [f"    def {m}(self, /) -> _int: ..." for m in ("__int__", "__index__")]
        facts = [f"    @property\n    def {m}(self) -> {t}: ..." for m, t in (("name", "str"), ("value", "_int"))]
        return [f"class {name}:", f"    __members__: typing.ClassVar[dict[str, {name}]]",
                *(f"    {m}: typing.ClassVar[{name}]" for m in kind.__members__), *numbers, *facts]
    lines = [f"class {name}:"]
    if not signatures(kind.__init__):
        lines.append("    def __init__(self, *args: Any, **kwargs: Any) -> None: ...")
    for member_name, member in sorted(vars(kind).items()):
        if isinstance(member, property):
            lines += ["    @property", f"    def {member_name}(self) -> Any: ..."]
        elif isinstance(member, types.FunctionType):
            lines.append(stub_method(member_name, member))
        elif signatures(member):
            lines += stub_function(member, "    ")
    return lines


def stub_text() -> str:
    classes = {n: k for n, k in sorted(vars(_C).items()) if isinstance(k, type) and n != "Tensor"}
    order = sorted(classes, key=lambda n: (n != "Error", n))  # a base before what derives from it
    blocks = [stub_class(n, classes[n]) for n in order]
    blocks.append(["_dtype = dtype", "_device = device"])
    blocks.append(stub_tensor())
    functions = [f for n, f in sorted(vars(_C).items()) if not isinstance(f, type) and signatures(f)]
    blocks.append([line for f in functions for line in stub_function(f)])
    values = {n: v for n, v in sorted(vars(_C).items()) if isinstance(v, (_C.dtype, _C.Generator))}
    blocks.append([f"{n}: {type(v).__name__ if n != 'bool' else '_dtype'}" for n, v in values.items()])
    return HEADER + "\n" + "\n\n".join("\n".join(b) for b in blocks) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    arguments = parser.parse_args()
    target = pathlib.Path(__file__).resolve().parent.parent / "voxgrad" / "_C.pyi"
    text = stub_text()
    if not arguments.check:
        target.write_text(text)
        return 0
    same = target.read_text() == text
    if not same:
        print(f"{target.name} is not up to date: run python/tools/make_stubs.py", file=sys.stderr)
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
