"""Why a deficit opened: as a row keeps it, and as people read it.

Used by the operations that lower a limit and by all who show a deficit. Calls nothing. Promises that what
the ledger itself lowered is named by its number and said in both languages; what an operator wrote stays.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final

from yunjin.errors import Text
from yunjin.model.times import TIME_ZONE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

EXPIRED: Final = "expired"
"""Why a grant ended whose last day has passed."""
OPENING: Final = "opening"
"""Why a pool's supply is what it is: the declared files said so when the ledger was opened."""
_GRANT: Final = "grant/"
_GONE: Final = "gone/"
_ARRIVED: Final = "arrived/"
_REORGANISED: Final = "reorganisation/"
_SAID: Final[Mapping[str, Callable[[str], Text]]] = {
    EXPIRED: lambda _: Text("已到期", "its last day has passed"),
    OPENING: lambda _: Text("期初申报", "declared at the opening"),
    _GRANT: lambda number: Text(f"核定配额 {number} 已终止", f"grant {number} has ended"),
    _ARRIVED: lambda number: Text(f"移交设备 {number} 已入池", f"contribution {number} arrived"),
    _GONE: lambda number: Text(f"移交设备 {number} 已收回", f"contribution {number} went home"),
    _REORGANISED: lambda number: Text(f"机构调整第 {number} 号", f"reorganisation {number}"),
}


def grant_ended(number: str) -> str:
    """A grant ended."""
    return f"{_GRANT}{number}"


def contribution_arrived(number: str) -> str:
    """Servers that a body hands over joined a pool."""
    return f"{_ARRIVED}{number}"


def contribution_gone(number: str) -> str:
    """Servers that a body had handed over went home."""
    return f"{_GONE}{number}"


def reorganised(number: int) -> str:
    """A reorganisation took something over, or ended it."""
    return f"{_REORGANISED}{number}"


def said(cause: str) -> Text:
    """The cause as people read it."""
    kind, slash, number = cause.partition("/")
    sentence = _SAID.get(kind + slash)
    return sentence(number) if sentence else Text(cause, cause)


def day(at: str) -> str:
    """The city's day of a recorded time, as YYYY-MM-DD."""
    return datetime.fromisoformat(at).astimezone(TIME_ZONE).date().isoformat()
