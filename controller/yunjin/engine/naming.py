"""What people call the nodes of the quota tree, and errors of the ledger with these names in them.

Used by the command line and by whoever else shows what the ledger says. Calls the model. The ledger knows ids
alone; names belong to the declared city and change with the day. Promises that an id stays beside its name,
and that a shortage says who holds most of what is missing.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from yunjin.errors import ConflictError, RefusalError, ShortageError, Text, UsageError, YunjinError
from yunjin.model.estate import CITY
from yunjin.model.formats import amount_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from yunjin.errors import JSON
    from yunjin.model.estate import Estate

_NODE: Final = re.compile(
    r"(?<![\w/(-])(?:(?:bureau|area|tenant|hold)/[\w-]+|leaf/[\w-]+/[\w-]+|city(?= \())(?![\w/])",
    re.ASCII,
)
_HOLD: Final = "hold/"
_LEAF: Final = "leaf/"


def name_of(estate: Estate, node: str, day: date) -> Text:
    """A node as people read it on `day`: its name and its id."""
    if node == CITY:
        return Text("全市", "the city")
    if node.startswith(_HOLD):
        number = node.removeprefix(_HOLD)
        return Text(f"待生效的核定配额 {number}", f"grant {number}, yet to begin")
    owner = estate.parent(node) if node.startswith(_LEAF) else node
    name = estate.owner_name(owner, day) if owner not in (None, CITY) else Text("", "")
    shown = node.removeprefix(_LEAF)
    known = name.zh not in ("", owner)
    return Text(f"{name.zh} {shown}", f"{name.en} {shown}") if known else Text(node, node)


def speaks_of_nodes(error: YunjinError) -> bool:
    """Whether `named` would say more than the error does."""
    return isinstance(error, ShortageError) or _NODE.search(error.message.zh) is not None


def named(error: YunjinError, estate: Estate, day: date) -> YunjinError:
    """The same error with the names of the nodes it speaks of, and, of a shortage, its holders.

    An id in brackets stands behind a name already.
    """
    if not isinstance(error, RefusalError | UsageError | ConflictError):
        return error
    message = _with_names(error.message, estate, day)
    if isinstance(error, ShortageError):
        message = _with_holders(message, error, estate, day)
    remedy = _with_names(error.remedy, estate, day) if error.remedy else None
    again = type(error)(message, remedy, facts=error.facts)
    again.__cause__ = error
    return again


def _with_names(text: Text, estate: Estate, day: date) -> Text:
    return Text(
        _NODE.sub(lambda match: name_of(estate, match[0], day).zh, text.zh),
        _NODE.sub(lambda match: name_of(estate, match[0], day).en, text.en),
    )


def _with_holders(message: Text, error: ShortageError, estate: Estate, day: date) -> Text:
    dimension = str(error.facts.get("dimension"))
    zh, en = [], []
    for node, value in _holders(error.facts.get("holders")):
        name = name_of(estate, node, day)
        zh.append(f"{name.zh} {amount_text(dimension, value, 'zh')}")
        en.append(f"{name.en} {amount_text(dimension, value, 'en')}")
    if not zh:
        return message
    return Text(
        f"{message.zh}; 占用最多的: {', '.join(zh)}",
        f"{message.en}; held most by {', '.join(en)}",
    )


def _holders(listed: JSON) -> Iterator[tuple[str, int]]:
    """Node and amount, as the facts of a shortage list them."""
    for pair in listed if isinstance(listed, list | tuple) else ():
        if isinstance(pair, list | tuple) and isinstance(pair[0], str) and isinstance(pair[1], int):
            yield pair[0], pair[1]
