"""state_dict and load_state_dict of a module."""
from __future__ import annotations

import itertools
from collections import OrderedDict, namedtuple
from typing import Any, Callable, Mapping

from ... import _C
from ..._C import Tensor
from ...autograd.grad_mode import no_grad
from ...utils.hooks import RemovableHandle
from ..parameter import Parameter, is_lazy
from ._members import _Members

_EXTRA_STATE = "_extra_state"


class _IncompatibleKeys(namedtuple("IncompatibleKeys", ["missing_keys", "unexpected_keys"])):
    """What load_state_dict gives: names that the dict lacked, and names that the module lacks."""

    __slots__ = ()

    def __repr__(self) -> str:
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        return super().__repr__()

    __str__ = __repr__


class _StateDict(_Members):
    """Names and values of everything a module stores."""

    _version: int = 1

    def get_extra_state(self) -> Any:
        """To be given by a subclass that stores more than tensors; state_dict() then holds what it returns."""
        raise NotImplementedError("get_extra_state: give it in the subclass, beside set_extra_state")

    def set_extra_state(self, state: Any) -> None:
        """Takes what get_extra_state() gave."""
        raise NotImplementedError("set_extra_state: give it in the subclass, beside get_extra_state")

    def _has_extra_state(self, method: str) -> bool:
        return getattr(type(self), method) is not getattr(_StateDict, method)

    # ---- saving

    def state_dict(self, *args: Any, destination: Any = None, prefix: str = "",
                   keep_vars: bool = False) -> dict[str, Any]:
        """Dotted names of all parameters and persistent buffers with their values, which share memory.

        Tied tensors stand under each of their names. `destination` is filled instead of a new dict, `prefix` goes
        before the names, and with `keep_vars` the tensors are those of the module, gradient and all.
        """
        if args:  # the order of older versions
            destination = args[0] if destination is None else destination
            prefix = args[1] if len(args) > 1 and prefix == "" else prefix
            keep_vars = args[2] if len(args) > 2 and not keep_vars else keep_vars
        if destination is None:
            destination = OrderedDict()
            destination._metadata = OrderedDict()
        metadata: dict[str, Any] = {"version": self._version}
        if hasattr(destination, "_metadata"):
            destination._metadata[prefix[:-1]] = metadata
        for hook in self._state_dict_pre_hooks.values():
            hook(self, prefix, keep_vars)
        self._save_to_state_dict(destination, prefix, keep_vars)
        for name, module in self._modules.items():
            if module is not None:
                module.state_dict(destination=destination, prefix=f"{prefix}{name}.", keep_vars=keep_vars)
        for hook in self._state_dict_hooks.values():
            result = hook(self, destination, prefix, metadata)
            if getattr(hook, "_from_public_api", False):
                if result is not None:
                    raise RuntimeError("state_dict: a post hook must return None")
            elif result is not None:
                destination = result
        return destination

    def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
        """This module's own part of state_dict(), without its submodules."""
        for name, parameter in self._parameters.items():
            if parameter is not None:
                destination[prefix + name] = parameter if keep_vars or is_lazy(parameter) else parameter.detach()
        for name, buffer in self._buffers.items():
            if buffer is not None and name not in self._non_persistent_buffers_set:
                destination[prefix + name] = buffer if keep_vars else buffer.detach()
        if self._has_extra_state("get_extra_state"):
            destination[prefix + _EXTRA_STATE] = self.get_extra_state()

    def _add_hook(self, hooks: Any, hook: Callable[..., Any]) -> RemovableHandle:
        handle = RemovableHandle(hooks)
        hooks[handle.id] = hook
        return handle

    def _register_state_dict_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """hook(module, state_dict, prefix, metadata) after state_dict(); a result replaces the dict."""
        return self._add_hook(self._state_dict_hooks, hook)

    def register_state_dict_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """hook(module, state_dict, prefix, metadata) after state_dict(), to change the dict in place."""
        def call(*args: Any) -> Any:
            return hook(*args)

        call._from_public_api = True  # type: ignore[attr-defined]
        return self._add_hook(self._state_dict_hooks, call)

    def register_state_dict_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """hook(module, prefix, keep_vars) before state_dict()."""
        return self._add_hook(self._state_dict_pre_hooks, hook)

    def _register_load_state_dict_pre_hook(self, hook: Callable[..., Any],
                                           with_module: bool = False) -> RemovableHandle:
        """hook([module,] state_dict, prefix, local_metadata, strict, missing, unexpected, errors) before loading."""
        return self._add_hook(self._load_state_dict_pre_hooks, (hook, with_module))  # type: ignore[arg-type]

    def register_load_state_dict_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """hook(module, state_dict, prefix, local_metadata, strict, missing, unexpected, errors) before loading."""
        return self._register_load_state_dict_pre_hook(hook, with_module=True)

    def register_load_state_dict_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """hook(module, incompatible_keys) after load_state_dict(); it may change the lists of names."""
        return self._add_hook(self._load_state_dict_post_hooks, hook)

    # ---- loading

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True,
                        assign: bool = False) -> _IncompatibleKeys:
        """Copies the values of a state dict into the parameters and buffers of the same names.

        With `assign` the tensors themselves take their places. Returns `missing_keys` and `unexpected_keys`;
        raises RuntimeError for sizes that do not fit, and with `strict` when there are such keys; TypeError for what
        is no dict.
        """
        if not isinstance(state_dict, Mapping):
            raise TypeError(f"load_state_dict: needs a dict; got {type(state_dict).__name__}")
        metadata = getattr(state_dict, "_metadata", None)
        missing: list[str] = []
        unexpected: list[str] = []
        errors: list[str] = []
        values = OrderedDict(state_dict)
        if metadata is not None:
            values._metadata = metadata  # type: ignore[attr-defined]

        def load(module: Any, values: Any, prefix: str) -> None:
            local = {} if metadata is None else metadata.get(prefix[:-1], {})
            if assign:
                local["assign_to_params_buffers"] = assign
            module._load_from_state_dict(values, prefix, local, True, missing, unexpected, errors)
            for name, child in module._modules.items():
                if child is not None:
                    inner = f"{prefix}{name}."
                    load(child, {k: v for k, v in values.items() if k.startswith(inner)}, inner)
            keys = _IncompatibleKeys(missing, unexpected)
            for hook in module._load_state_dict_post_hooks.values():
                if hook(module, keys) is not None:
                    raise RuntimeError("load_state_dict: a post hook must return None and change the keys in place")

        load(self, values, "")
        if strict:
            errors[:0] = _describe("Missing", missing) + _describe("Unexpected", unexpected)
        if errors:
            raise _C.Error(f"Error(s) in loading state_dict for {type(self).__name__}:\n\t" + "\n\t".join(errors))
        return _IncompatibleKeys(missing, unexpected)

    def _load_from_state_dict(self, state_dict: Any, prefix: str, local_metadata: Any, strict: bool,
                              missing_keys: list[str], unexpected_keys: list[str], error_msgs: list[str]) -> None:
        """This module's own part of load_state_dict(); a subclass may rename old keys in `state_dict` first."""
        for hook, with_module in list(self._load_state_dict_pre_hooks.values()):
            head = (self,) if with_module else ()
            hook(*head, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs)
        assign = bool(local_metadata.get("assign_to_params_buffers", False))
        persistent = [(n, b) for n, b in self._buffers.items() if n not in self._non_persistent_buffers_set]
        for name, member in itertools.chain(self._parameters.items(), persistent):
            if member is None:
                continue
            key = prefix + name
            if key in state_dict:
                error = self._load_member(name, member, key, state_dict[key], assign)
                if error:
                    error_msgs.append(error)
            elif strict:
                missing_keys.append(key)
        self._load_extra_state(state_dict, prefix + _EXTRA_STATE, strict, missing_keys, unexpected_keys)
        if strict:
            unexpected_keys.extend(self._strangers(state_dict, prefix))

    def _load_extra_state(self, state_dict: Any, key: str, strict: bool, missing: list[str],
                          unexpected: list[str]) -> None:
        if self._has_extra_state("set_extra_state"):
            if key in state_dict:
                self.set_extra_state(state_dict[key])
            elif strict:
                missing.append(key)
        elif strict and key in state_dict:
            unexpected.append(key)

    def _strangers(self, state_dict: Any, prefix: str) -> list[str]:
        """Names under `prefix` that neither this module nor a submodule has."""
        found = []
        for key in state_dict:
            if not key.startswith(prefix) or key == prefix + _EXTRA_STATE:
                continue
            name, dot, _ = key[len(prefix):].partition(".")
            own = self._parameters.get(name) is not None or (
                self._buffers.get(name) is not None and name not in self._non_persistent_buffers_set)
            if not (name in self._modules if dot else own):
                found.append(key)
        return found

    def _load_member(self, name: str, member: Tensor, key: str, value: Any, assign: bool) -> str | None:
        """Puts a value into its place; gives the text of what went wrong."""
        if not isinstance(value, Tensor):
            return f"{key}: needs a tensor; got {type(value).__name__}."
        if is_lazy(value) or is_lazy(member):
            return None if is_lazy(value) and is_lazy(member) else f"{key}: its shape is not known yet."
        if member.ndim == 0 and value.shape == (1,):
            value = value[0]
        if value.shape != member.shape:
            return (f"size mismatch for {key}: the state dict has shape {value.shape}, "
                    f"the module has shape {member.shape}.")
        try:
            with no_grad():
                if not assign:
                    member.copy_(value)
                elif isinstance(member, Parameter) and not isinstance(value, Parameter):
                    setattr(self, name, Parameter(value, member.requires_grad))
                else:
                    setattr(self, name, value)
        except Exception as error:
            return f"while copying {key} of shape {list(member.shape)} from {list(value.shape)}: {error}"
        return None


def _describe(what: str, keys: list[str]) -> list[str]:
    if not keys:
        return []
    names = ", ".join(f'"{key}"' for key in keys)
    return [f"{what} key(s) in state_dict: {names}."]
