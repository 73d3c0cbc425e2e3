"""The members of a module: how attributes become parameters, buffers and submodules, and how all are found."""
from __future__ import annotations

from typing import Any, Iterator

from ..._C import Tensor
from ..parameter import Buffer, Parameter

_STORES = ("_parameters", "_buffers", "_modules")


def _show(value: Any) -> str:
    return type(value).__name__


class _Members:
    """Parameters, buffers and submodules in three dicts, reached as attributes."""

    _parameters: dict[str, Parameter | None]
    _buffers: dict[str, Tensor | None]
    _modules: dict[str, Any]
    _non_persistent_buffers_set: set[str]

    # ---- registration

    def _check_name(self, what: str, name: Any, store: str) -> None:
        if store not in self.__dict__:
            raise AttributeError(f"{what}: {_show(self)}.__init__() must call super().__init__() first")
        if not isinstance(name, str):
            raise TypeError(f"{what}: the name must be a str; got {_show(name)}")
        if "." in name:
            raise KeyError(f"{what}: the name must not contain '.'; got '{name}'")
        if name == "":
            raise KeyError(f"{what}: the name must not be empty")
        if hasattr(self, name) and name not in self.__dict__[store]:
            raise KeyError(f"{what}: {_show(self)} has an attribute '{name}' already")

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Adds a tensor that is no parameter, such as a running mean; found as the attribute `name`.

        None keeps the name without a tensor. With `persistent=False` the state dict leaves it out.
        Raises KeyError for a name that is taken, empty or dotted, TypeError for what is no tensor.
        """
        self._check_name("register_buffer", name, "_buffers")
        if tensor is not None and not isinstance(tensor, Tensor):
            raise TypeError(f"register_buffer: '{name}' must be a tensor or None; got {_show(tensor)}")
        self._buffers[name] = tensor
        if persistent:
            self._non_persistent_buffers_set.discard(name)
        else:
            self._non_persistent_buffers_set.add(name)

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Adds a parameter, found as the attribute `name`; None keeps the name without one.

        Raises KeyError for a name that is taken, empty or dotted, TypeError for what is no Parameter, ValueError
        for the result of an operation.
        """
        self._check_name("register_parameter", name, "_parameters")
        if param is not None and not isinstance(param, Parameter):
            raise TypeError(f"register_parameter: '{name}' must be an nn.Parameter or None; got {_show(param)}")
        if param is not None and not param.is_leaf:
            raise ValueError(f"register_parameter: '{name}' was computed; make it a Parameter of its values, and "
                             "compute in forward()")
        self._parameters[name] = param

    def add_module(self, name: str, module: Any) -> None:
        """Adds a submodule, found as the attribute `name`; None keeps the name without one.

        Raises KeyError for a name that is taken, empty or dotted, TypeError for what is no Module.
        """
        if module is not None and not isinstance(module, _Members):
            raise TypeError(f"add_module: '{name}' must be a Module or None; got {_show(module)}")
        self._check_name("add_module", name, "_modules")
        self._modules[name] = module

    def register_module(self, name: str, module: Any) -> None:
        """add_module(name, module)."""
        self.add_module(name, module)

    # ---- attributes

    def __getattr__(self, name: str) -> Any:
        members = self.__dict__
        for store in _STORES:
            if store in members and name in members[store]:
                return members[store][name]
        raise AttributeError(f"'{_show(self)}' object has no attribute '{name}'")

    def __setattr__(self, name: str, value: Any) -> None:
        store = self._store_of(name, value)
        if store is None:
            object.__setattr__(self, name, value)
            return
        if store not in self.__dict__:
            raise AttributeError(f"{name}: {_show(self)}.__init__() must call super().__init__() before it assigns "
                                 "parameters, buffers or modules")
        if store == "_parameters" and isinstance(value, Parameter):
            self._forget(name, keep=store)
            self.register_parameter(name, value)
        elif store == "_modules" and isinstance(value, _Members):
            self._forget(name, keep=store)
            self._modules[name] = value
        elif store == "_buffers" and isinstance(value, Buffer):
            self._forget(name, keep=store)
            self.register_buffer(name, value, value.persistent)
        else:
            self._replace(store, name, value)

    def _store_of(self, name: str, value: Any) -> str | None:
        """Where a value of that name belongs; None for a plain attribute."""
        kinds = {"_parameters": Parameter, "_modules": _Members, "_buffers": Buffer}
        for store, kind in kinds.items():
            if isinstance(value, kind) or name in self.__dict__.get(store, ()):
                return store
        return None

    def _replace(self, store: str, name: str, value: Any) -> None:
        if store == "_parameters" and value is not None:
            raise TypeError(f"{name}: a parameter can be replaced by an nn.Parameter or None; got {_show(value)}")
        if store == "_modules" and value is not None:
            raise TypeError(f"{name}: a submodule can be replaced by a Module or None; got {_show(value)}")
        if store == "_buffers" and value is not None and not isinstance(value, Tensor):
            raise TypeError(f"{name}: a buffer can be replaced by a tensor or None; got {_show(value)}")
        self.__dict__[store][name] = value

    def _forget(self, name: str, keep: str) -> None:
        self.__dict__.pop(name, None)
        for store in _STORES:
            if store != keep:
                self.__dict__[store].pop(name, None)
        if keep != "_buffers":
            self._non_persistent_buffers_set.discard(name)

    def __delattr__(self, name: str) -> None:
        for store in _STORES:
            if name in self.__dict__.get(store, ()):
                del self.__dict__[store][name]
                self._non_persistent_buffers_set.discard(name)
                return
        object.__delattr__(self, name)

    def __dir__(self) -> list[str]:
        names = {*dir(type(self)), *self.__dict__}
        for store in _STORES:
            names.update(self.__dict__.get(store, ()))
        return sorted(name for name in names if not name[:1].isdigit())

    # ---- finding

    def named_modules(self, memo: set[Any] | None = None, prefix: str = "",
                      remove_duplicate: bool = True) -> Iterator[tuple[str, Any]]:
        """(name, module) of this module and all within, depth first; each once unless `remove_duplicate=False`."""
        memo = set() if memo is None else memo
        if self in memo:
            return
        if remove_duplicate:
            memo.add(self)
        yield prefix, self
        for name, module in self._modules.items():
            if module is not None:
                inner = f"{prefix}.{name}" if prefix else name
                yield from module.named_modules(memo, inner, remove_duplicate)

    def modules(self, remove_duplicate: bool = True) -> Iterator[Any]:
        """This module and all within."""
        for _, module in self.named_modules(remove_duplicate=remove_duplicate):
            yield module

    def named_children(self) -> Iterator[tuple[str, Any]]:
        """(name, module) of the immediate submodules, each once."""
        seen = set()
        for name, module in self._modules.items():
            if module is not None and module not in seen:
                seen.add(module)
                yield name, module

    def children(self) -> Iterator[Any]:
        """The immediate submodules, each once."""
        for _, module in self.named_children():
            yield module

    def _named_members(self, get_members_fn: Any, prefix: str = "", recurse: bool = True,
                       remove_duplicate: bool = True) -> Iterator[tuple[str, Any]]:
        memo: set[int] = set()
        owners = self.named_modules(prefix=prefix, remove_duplicate=remove_duplicate) if recurse else [(prefix, self)]
        for owner_name, module in owners:
            for name, member in get_members_fn(module):
                if member is None or id(member) in memo:
                    continue
                if remove_duplicate:
                    memo.add(id(member))
                yield (f"{owner_name}.{name}" if owner_name else name), member

    def named_parameters(self, prefix: str = "", recurse: bool = True,
                         remove_duplicate: bool = True) -> Iterator[tuple[str, Parameter]]:
        """(name, parameter) of this module and, with `recurse`, of all within; tied ones once, under their first
        name, unless `remove_duplicate=False`."""
        yield from self._named_members(lambda m: m._parameters.items(), prefix, recurse, remove_duplicate)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """The parameters, each once: what an optimizer takes."""
        for _, parameter in self.named_parameters(recurse=recurse):
            yield parameter

    def named_buffers(self, prefix: str = "", recurse: bool = True,
                      remove_duplicate: bool = True) -> Iterator[tuple[str, Tensor]]:
        """(name, buffer) as named_parameters()."""
        yield from self._named_members(lambda m: m._buffers.items(), prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """The buffers, each once."""
        for _, buffer in self.named_buffers(recurse=recurse):
            yield buffer

    def get_submodule(self, target: str) -> Any:
        """The module of a dotted name, `"encoder.0.conv"`; "" is this one. Raises AttributeError."""
        module: Any = self
        for name in target.split(".") if target else []:
            if not hasattr(module, name):
                raise AttributeError(f"get_submodule: {_show(module)} has no attribute '{name}'; wanted '{target}'")
            module = getattr(module, name)
            if not isinstance(module, _Members):
                raise AttributeError(f"get_submodule: '{name}' of '{target}' is no Module but {_show(module)}")
        return module

    def set_submodule(self, target: str, module: Any, strict: bool = False) -> None:
        """Puts a module in the place of a dotted name; with `strict` there must be one already."""
        parent_name, _, name = target.rpartition(".")
        if not name:
            raise ValueError(f"set_submodule: needs the name of a submodule; got '{target}'")
        if not isinstance(module, _Members):
            raise ValueError(f"set_submodule: needs a Module; got {_show(module)}")
        parent = self.get_submodule(parent_name)
        if strict and not isinstance(getattr(parent, name, None), _Members):
            raise AttributeError(f"set_submodule: there is no module '{target}'")
        setattr(parent, name, module)

    def _get_member(self, op: str, target: str, store: str) -> Any:
        parent_name, _, name = target.rpartition(".")
        parent = self.get_submodule(parent_name)
        found = parent.__dict__[store].get(name)
        if found is None:
            raise AttributeError(f"{op}: {parent._get_name()} has no {store[1:-1]} '{name}'; wanted '{target}'")
        return found

    def get_parameter(self, target: str) -> Parameter:
        """The parameter of a dotted name. Raises AttributeError."""
        return self._get_member("get_parameter", target, "_parameters")

    def get_buffer(self, target: str) -> Tensor:
        """The buffer of a dotted name. Raises AttributeError."""
        return self._get_member("get_buffer", target, "_buffers")
