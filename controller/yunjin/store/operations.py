"""Operations: every write has a name, so that another process can do it.

Used by the modules that write (`@operation`) and by those that carry a write to the writer. Promises that a
name found is the function of that name, and that only Yunjin's own modules are ever imported by name.
"""

from __future__ import annotations

import importlib
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Concatenate, Final, ParamSpec, TypeVar

from yunjin.errors import PermanentError, Text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from yunjin.store.connection import Connection

P = ParamSpec("P")
T = TypeVar("T")
Call = tuple["Callable[..., Any]", "Sequence[Any]"]
"""An operation and its arguments."""

_KNOWN: Final[dict[str, Callable[..., Any]]] = {}


def operation(
    function: Callable[Concatenate[Connection, P], T],
) -> Callable[Concatenate[Connection, P], T]:
    """Register a function `(connection, *args) -> result` of a module's top level.

    It runs inside a transaction that it neither begins nor ends, perhaps in another process and perhaps,
    where the transaction could not be kept, more than once. Arguments and result are plain JSON values;
    tuples may arrive as lists. It raises errors of `yunjin.errors` alone.
    """
    _KNOWN[_name(function)] = function
    return function


def name_of(function: Callable[..., Any]) -> str:
    """`module:qualname` of a registered function.

    Raises:
        TypeError: it is not registered.
    """
    name = _name(function)
    if _KNOWN.get(name) is not function:
        raise TypeError(f"{name} is no @operation")
    return name


def named(name: str) -> Callable[..., Any]:
    """The function of a name; its module is imported where this process has not needed it yet.

    Raises:
        PermanentError: there is none.
    """
    module = name.partition(":")[0]
    if name not in _KNOWN and module.partition(".")[0] == "yunjin":
        with suppress(ImportError):  # said below: the name is unknown either way
            importlib.import_module(module)
    if name not in _KNOWN:
        raise PermanentError(
            Text(f"状态库写入程序没有操作 {name}", f"the writer of the state database knows no {name}"),
            Text("请结束正在运行的其他版本云锦进程后重试", "end running Yunjin processes of another version"),
        )
    return _KNOWN[name]


def _name(function: Callable[..., Any]) -> str:
    return f"{function.__module__}:{function.__qualname__}"
