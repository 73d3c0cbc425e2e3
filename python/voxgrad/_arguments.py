"""The text of a call whose arguments have wrong types: from the signatures that the compiled functions carry, with the
names that the package's own functions give the arguments."""
from __future__ import annotations

import inspect
import operator
import re
import sys
from collections.abc import Sequence
from types import FrameType
from typing import Any

from . import _C

_SHORTER = {"voxgrad._C.": "", "voxgrad.": "", "collections.abc.": "",
            "typing.SupportsInt | typing.SupportsIndex": "int", "typing.SupportsFloat | typing.SupportsIndex": "float"}
_PHRASES = {"int": "an integer", "float": "a number", "str": "text", "None": "None", "Callable": "a function"}
_PLURALS = {"int": "integers", "float": "numbers", "Tensor": "Tensors", "Tensor | None": "Tensors or None"}


def _explain(text: str, positional: tuple[Any, ...], named: dict[str, Any]) -> str:
    """`op: name must be rule; got type` for pybind11's text about a call that fits no signature."""
    for long, short in _SHORTER.items():
        text = text.replace(long, short)
    signatures = re.findall(r"^    \d+\. (\w*)\((.*)\)(?: -> .*)?$", text, re.MULTILINE)
    overloads = [_parameters(signature) for _, signature in signatures]
    name = text.partition("(")[0]
    if name == "__init__":  # of the class that the signature starts with
        name, positional = signatures[0][0], positional[1:]
    op, frames = _caller(name.lstrip("_"))
    wrong = [found for found in (_first_wrong(p, positional, named) for p in overloads) if found is not None]
    if len(wrong) < len(overloads):
        given = (*positional[overloads[0][:1] == [("self", "Tensor")]:], *named.values())
        kinds = ", ".join(type(value).__name__ for value in given)
        return f"{op}: takes {' or '.join(f'({_listed(p)})' for p in overloads)}; got ({kinds})"
    last = max(at for at, *_ in wrong)  # the signatures that came furthest
    rule = " | ".join(dict.fromkeys(part for at, rule, _ in wrong if at == last for part in _parts(rule, " | ")))
    value = next(value for at, _, value in wrong if at == last)
    element = next(filter(None, (re.fullmatch(r"Sequence\[(.*)\]", part) for part in _parts(rule, " | "))), None)
    if element and isinstance(value, (list, tuple)):
        value, rule = next(v for v in value if not _fits(v, element[1])), element[1]
    label = _label(frames, value) or ("" if len(overloads[0]) <= 2 else f"argument {last + 1}")
    too_large = rule == "int" and isinstance(value, int)
    wanted, got = ("an integer of 64 bits", value) if too_large else (_phrase(rule), type(value).__name__)
    return f"{op}: {label}{label and ' '}must be {wanted}; got {got}"


def _parts(text: str, separator: str) -> list[str]:
    """Split where no bracket is open."""
    parts = [""]
    for piece in text.split(separator):
        is_open = parts[-1].count("[") > parts[-1].count("]")
        parts = [*parts[:-1], parts[-1] + separator + piece] if is_open else [*parts, piece]
    return parts[1:]


def _parameters(signature: str) -> list[tuple[str, str]]:
    """(name, rule) of each parameter."""
    pairs = [part.partition(": ") for part in _parts(signature, ", ") if ": " in part]
    return [(name, rule.partition(" = ")[0]) for name, _, rule in pairs]


def _listed(parameters: list[tuple[str, str]]) -> str:
    return ", ".join(rule for name, rule in parameters if name != "self")


def _first_wrong(parameters: list[tuple[str, str]], positional: tuple[Any, ...],
                 named: dict[str, Any]) -> tuple[int, str, Any] | None:
    """Where the first value is that does not fit, its rule and itself; None where it is their number that is wrong."""
    for at, (name, rule) in enumerate(parameters):
        if at < len(positional) or name in named:
            value = positional[at] if at < len(positional) else named[name]
            if not _fits(value, rule):
                return at, rule, value
    return None


def _fits(value: Any, rule: str) -> bool:
    return any(_fits_one(value, part) for part in _parts(rule, " | "))


def _fits_one(value: Any, rule: str) -> bool:
    if rule == "None":
        return value is None
    if rule == "int":
        try:
            return -(2**63) <= operator.index(value) < 2**63
        except Exception:  # whatever the value's own __index__ raises
            return False
    if rule == "float":
        return hasattr(value, "__float__") or hasattr(value, "__index__")
    if rule == "Callable":
        return callable(value)
    if rule.startswith("Sequence["):
        return isinstance(value, Sequence) and not isinstance(value, str) and all(_fits(v, rule[9:-1]) for v in value)
    name = rule.partition("[")[0].rpartition(".")[2]
    return name == "object" or any(kind.__name__ == name for kind in type(value).__mro__)


def _phrase(rule: str) -> str:
    parts = []
    for part in _parts(rule, " | "):
        inner = re.fullmatch(r"Sequence\[(.*)\]", part)
        parts.append(f"a sequence of {_PLURALS.get(inner[1], inner[1])}" if inner else _PHRASES.get(part, f"a {part}"))
    return " or ".join(parts)


def _caller(compiled: str) -> tuple[str, list[FrameType]]:
    """The function of the package that was called, and the frames from it to the compiled one, outermost first."""
    frames: list[FrameType] = []
    frame: FrameType | None = sys._getframe(2)
    while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] == "voxgrad":
        frames.insert(0, frame)
        code = frame.f_code
        if not code.co_name.startswith(("_", "<")) and not code.co_flags & inspect.CO_NESTED:
            return code.co_name, frames
        frame = frame.f_back
    return compiled, frames


def _label(frames: list[FrameType], value: Any) -> str:
    """The argument's name in the first frame that got it; none where several are the same None or number."""
    for frame in frames:
        labels = []
        for name in inspect.getargs(frame.f_code):
            for argument in (name if isinstance(name, list) else [name] if name else []):
                given = frame.f_locals.get(argument)
                if given is value:
                    labels.append(argument)
                elif isinstance(given, (list, tuple)):
                    labels += [f"{argument}[{i}]" for i, element in enumerate(given) if element is value][:1]
        if labels:
            return "" if len(labels) > 1 and (value is None or isinstance(value, int)) else labels[0]
    return ""


_C._set_explanation(_explain)
