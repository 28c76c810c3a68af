"""Edits of the declared files that follow from a reorganisation: names, ends, references, figures.

Made by `yunjin.engine.reorganisation` as data, done here on a `Revision`. Promises that an edit may be done
twice and changes nothing the second time, so that a run which was killed between two files can be repeated.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Final

from ruamel.yaml.comments import CommentedMap, CommentedSeq

from yunjin.errors import Text, UsageError
from yunjin.estate.documents import KINDS
from yunjin.estate.files import PROGRAMMES
from yunjin.estate.rewrite import BASELINE
from yunjin.estate.trees import tree_of
from yunjin.model.amounts import Amounts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from yunjin.estate.rewrite import Revision


@dataclass(frozen=True, slots=True)
class Found:
    """A body that a reorganisation founds: its item as a document writes it."""

    kind: str
    item: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Call:
    """An item bears another name from a day on."""

    kind: str
    id: str
    name: Mapping[str, Any]
    day: str


@dataclass(frozen=True, slots=True)
class Follow:
    """A field, or what a list holds, names another body; in a list that has it already it goes."""

    kind: str
    id: str
    path: Sequence[str]
    old: str
    new: str | None


@dataclass(frozen=True, slots=True)
class Put:
    """A field has this value."""

    kind: str
    id: str
    path: Sequence[str]
    value: Any


@dataclass(frozen=True, slots=True)
class Row:
    """The baseline row of a node in a pool: these figures, or none; a new one in place of another's."""

    node: str
    pool: str
    limit: Mapping[str, int] | None
    guarantee: Mapping[str, int]
    instead: str = ""


Edit = Found | Call | Follow | Put | Row
_EDITS: Final = {"found": Found, "call": Call, "follow": Follow, "put": Put, "row": Row}


def said_of(edit: Edit) -> dict[str, Any]:
    """An edit as JSON values."""
    name = next(name for name, kind in _EDITS.items() if isinstance(edit, kind))
    return {"do": name, **asdict(edit)}


def edit_of(said: Mapping[str, Any]) -> Edit:
    """An edit from what was kept of it."""
    fields = {name: value for name, value in said.items() if name != "do"}
    made: Edit = _EDITS[said["do"]](**fields)
    return made


def do(revision: Revision, edit: Edit) -> None:
    """Make an edit.

    Raises:
        UsageError: the item is not declared.
        ConflictError: a file changed since it was loaded.
    """
    if isinstance(edit, Row):
        _row(revision.items(BASELINE), edit)
    elif isinstance(edit, Found):
        items = revision.items(_file(edit.kind, str(edit.item["id"])))
        if all(item["id"] != edit.item["id"] for item in items):
            items.append(_short(edit.item))
    elif isinstance(edit, Call):
        _call(_item(revision, edit.kind, edit.id), edit)
    elif isinstance(edit, Put):
        item = _item(revision, edit.kind, edit.id)
        for step in edit.path[:-1]:
            item = item.setdefault(step, _flow(CommentedMap()))
        item[edit.path[-1]] = _short(edit.value)
    else:
        _follow(_item(revision, edit.kind, edit.id), edit)


def _file(kind: str, item: str) -> str:
    name, about = next((name, about) for name, about in KINDS.items() if about.name == kind)
    if not about.own_file:
        return f"{name}.yaml"
    return f"{PROGRAMMES}/{item}.yaml" if kind == "programme" else f"{item}.yaml"


def _item(revision: Revision, kind: str, item: str) -> Any:
    for found in revision.items(_file(kind, item)):
        if str(found["id"]) == item:
            return found
    raise UsageError(
        Text(f"申报文件中没有 {kind} {item}", f"no {kind} {item} is declared"),
        Text("检查申报文件", "look at the declared files"),
    )


def _call(item: Any, edit: Call) -> None:
    names = item["names"]
    last, day = names[-1], _day(edit.day)
    if str(last.get("from", "")) == edit.day:
        names[-1] = _short({**edit.name, "from": edit.day})
        return
    last["until"] = day
    names.append(_short({**edit.name, "from": edit.day}))


def _follow(item: Any, edit: Follow) -> None:
    holder: Any = item
    for step in edit.path[:-1]:
        holder = holder[step]
    last = edit.path[-1]
    value = holder.get(last)
    if not isinstance(value, list):
        if value == edit.old:
            holder[last] = edit.new
        return
    if edit.old in value:
        position = value.index(edit.old)
        if edit.new is None or edit.new in value:
            del value[position]
        else:
            value[position] = edit.new


def _row(items: Any, edit: Row) -> None:
    at = _position(items, edit.node, edit.pool)
    if edit.limit is None:
        if at is not None:
            del items[at]
        return
    if at is None:
        at = _position(items, edit.instead, edit.pool)
    if at is None:
        items.append(CommentedMap(node=edit.node, pool=edit.pool))
        at = len(items) - 1
    row = items[at]
    row["node"] = edit.node
    for name, amounts in (("limit", edit.limit), ("guarantee", edit.guarantee)):
        if amounts or name == "limit":
            _set_figures(row, name, Amounts(amounts))
        else:
            row.pop(name, None)


def _set_figures(row: Any, name: str, amounts: Amounts) -> None:
    """New figures in the order in which the old ones stood."""
    fresh, old = tree_of(amounts), row.get(name)
    if old is None:
        row[name] = fresh
        return
    for dimension in [each for each in old if each not in fresh]:
        del old[dimension]
    for dimension, value in fresh.items():
        if old.get(dimension) != value:
            old[dimension] = value


def _position(items: Any, node: str, pool: str) -> int | None:
    found = (n for n, row in enumerate(items) if row["node"] == node and row["pool"] == pool)
    return next(found, None)


def _short(value: Any) -> Any:
    """A new value as people write it: parts of it on a line each, days without quotation marks."""
    if isinstance(value, dict):
        tree = CommentedMap((key, _short(part)) for key, part in value.items())
        return _flow(tree) if not any(isinstance(part, list | dict) for part in tree.values()) else tree
    if isinstance(value, list):
        return CommentedSeq(_short(part) for part in value)
    return _day(value) if isinstance(value, str) else value


def _flow(tree: Any) -> Any:
    tree.fa.set_flow_style()
    return tree


def _day(value: str) -> Any:
    """The day that a text says; another text as it is written."""
    try:
        return date.fromisoformat(value) if len(value) == len("2026-01-01") else tree_of(value)
    except ValueError:
        return tree_of(value)
