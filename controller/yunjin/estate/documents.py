"""From texts to items of the model: kinds, the two top keys, and what pydantic says of each item.

Called by `yunjin.estate.loader`; calls the parser and the model. Promises that every item either stands in
the draft or has an error, and that ids of items with errors are known, so that references to them stay quiet.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from pydantic import ValidationError

from yunjin.errors import DeclaredError, Place, Text
from yunjin.estate.explain import explain, shown, similar
from yunjin.estate.files import PROGRAMMES
from yunjin.estate.nodes import Node, Step, Tree, dotted, parse
from yunjin.model.centre import DataSet, Endpoint, PolicyValue, Pool, Price, Zone
from yunjin.model.organisation import Area, Bureau
from yunjin.model.programme import Element, Programme
from yunjin.model.tenants import BaselineRow, Tenant

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pydantic_core import ErrorDetails

    from yunjin.estate.diagnostics import Diagnostics
    from yunjin.estate.files import SourceFile
    from yunjin.model.declared import Declared


@dataclass(frozen=True, slots=True)
class Kind:
    """What one kind of file holds.

    Attributes:
        name: of one item, as `Estate.places` is keyed.
        own_file: every item has a file of its own, named after its id.
    """

    name: str
    model: type[Declared]
    own_file: bool = False


KINDS: Final = {
    "bureaus": Kind("bureau", Bureau),
    "areas": Kind("area", Area),
    "elements": Kind("element", Element),
    "zones": Kind("zone", Zone),
    "endpoints": Kind("endpoint", Endpoint),
    "pools": Kind("pool", Pool),
    "datasets": Kind("dataset", DataSet),
    "policies": Kind("policy", PolicyValue),
    "prices": Kind("price", Price),
    "baseline": Kind("baseline", BaselineRow),
    "tenant": Kind("tenant", Tenant, own_file=True),
    "programme": Kind("programme", Programme, own_file=True),
}
SHARED_FILES: Final = tuple(f"{kind}.yaml" for kind, about in KINDS.items() if not about.own_file)


@dataclass(frozen=True, slots=True)
class Item:
    """A valid item and where it came from.

    Attributes:
        number: its position in the file's `items`, from 0.
    """

    kind: str
    id: str
    model: Declared
    file: SourceFile
    number: int
    place: Place


@dataclass(slots=True)
class Draft:
    """What was read so far.

    Attributes:
        items: valid items by kind and id.
        known: where each id was first declared, by kind; items with errors included.
        unread: kinds of which some ids stayed unknown, because a file could not be read.
    """

    items: dict[str, dict[str, Item]] = field(default_factory=lambda: {k.name: {} for k in KINDS.values()})
    known: dict[str, dict[str, Place]] = field(default_factory=lambda: {k.name: {} for k in KINDS.values()})
    unread: set[str] = field(default_factory=set)


def kind_of_file(name: str) -> str:
    """The kind that a file of this name must state."""
    if name.startswith(f"{PROGRAMMES}/"):
        return "programme"
    stem = name.removesuffix(".yaml")
    return stem if stem in KINDS and not KINDS[stem].own_file else "tenant"


def read_documents(files: Sequence[SourceFile], diagnostics: Diagnostics) -> Draft:
    """Put the items of all files into a draft; record what is wrong with them."""
    draft = Draft()
    for file in files:
        _read_document(file, draft, diagnostics)
    for file in files:
        kind = KINDS[kind_of_file(file.name)]
        if kind.own_file:  # the name of a file tells whom it means, whatever is wrong inside
            draft.known[kind.name].setdefault(file.path.stem, Place(file.path))
    return draft


def _read_document(file: SourceFile, draft: Draft, diagnostics: Diagnostics) -> None:
    kind = KINDS[kind_of_file(file.name)]
    tree = parse(file.path, file.text, diagnostics) if file.text is not None else Tree(None)
    nodes = _items(file, tree.root, diagnostics) if tree.root else None
    if nodes is None:
        if not kind.own_file:
            draft.unread.add(kind.name)
        return
    for number, node in enumerate(nodes):
        place = Place(file.path, node.line, node.column)
        item = _raw_id(kind.name, node)
        first = draft.known[kind.name].setdefault(item, place) if item else place
        if first is not place:
            diagnostics.add(_again(file.path, node, kind.name, item, first))
        elif not item:
            draft.unread.add(kind.name)
        elif kind.own_file and item != file.path.stem:
            diagnostics.add(_misnamed(file.path, node, item))
        model = _validated(file.path, node, kind.model, tree.flawed, diagnostics)
        if model is not None and first is place:
            draft.items[kind.name][item] = Item(kind.name, item, model, file, number, place)


def _items(file: SourceFile, root: Node, diagnostics: Diagnostics) -> list[Node] | None:
    """Nodes of the items of a file of the right kind; None where the frame of the file is wrong."""
    if not isinstance(root.value, dict):
        message = Text("顶层必须是映射", "the top must be a mapping")
        diagnostics.add(_framed(file, (root.line, root.column), "", message, _TOP))
        return None
    for key in root.value:
        if key not in ("kind", "items"):
            message = Text(f"没有 {shown(key)} 这个键", f"there is no key {shown(key)}")
            diagnostics.add(_framed(file, root.locate((key,), key=True), key, message, _TOP))
    for key in ("kind", "items"):
        if key not in root.value:
            message = Text(f"缺少 {key}", f"{key} is missing")
            diagnostics.add(_framed(file, (root.line, root.column), key, message, _TOP))
    kind, items, expected = root.child("kind"), root.child("items"), kind_of_file(file.name)
    if kind and kind.value != expected:
        diagnostics.add(_wrong_kind(file, kind, expected))
        return None
    if kind is None or items is None:
        return None
    if not isinstance(items.value, list):
        message = Text("items 必须是列表", "items must be a list")
        diagnostics.add(_framed(file, (items.line, items.column), "items", message, _LIST))
        return None
    if KINDS[expected].own_file and len(items.value) != 1:
        message = Text("这类文件只能有一项", "a file of this kind holds exactly one item")
        diagnostics.add(_framed(file, (items.line, items.column), "items", message, _ONE))
    return items.value


def _wrong_kind(file: SourceFile, kind: Node, expected: str) -> DeclaredError:
    written = shown(kind.value)
    if written in KINDS:
        home = (
            "programmes/ID.yaml"
            if written == "programme"
            else f"{'ID' if written == 'tenant' else written}.yaml"
        )
        message = Text(
            f"kind: {written} 与文件名 {file.name} 不符",
            f"kind {written} does not fit the file name {file.name}",
        )
        remedy = Text(f"改为 {expected}, 或移到 {home}", f"write {expected}, or move it to {home}")
    else:
        message = Text(f"没有 {written} 这种 kind", f"there is no kind {written}")
        remedy = similar(written, tuple(KINDS)) or Text(f"改为 {expected}", f"write {expected}")
    return DeclaredError(
        Place(file.path, kind.line, kind.column),
        message,
        field="kind",
        expected=Text(expected, expected),
        remedy=remedy,
    )


def _raw_id(kind: str, node: Node) -> str:
    """The id as written, before validation; empty where there is none."""
    keys = ("node", "pool") if kind == "baseline" else ("id",)
    parts = [part.value for key in keys if (part := node.child(key)) is not None]
    return " ".join(map(str, parts)) if len(parts) == len(keys) and all(map(_is_word, parts)) else ""


def _is_word(value: object) -> bool:
    return isinstance(value, str) and value != ""


def _validated(
    path: Path,
    node: Node,
    model: type[Declared],
    flawed: frozenset[tuple[int, int]],
    diagnostics: Diagnostics,
) -> Declared | None:
    """The item, or None with its errors recorded.

    The item goes through JSON because pydantic is strict there as documents need it: lists are tuples, and
    nothing else is turned into what it is not.
    """
    try:
        return model.model_validate_json(json.dumps(node.plain(), ensure_ascii=False), strict=True)
    except ValidationError as invalid:
        errors = invalid.errors(include_url=False)
        deeper = {error["loc"][:depth] for error in errors for depth in range(len(error["loc"]))}
        for error in errors:
            if error["type"] == "too_short" and error["loc"] in deeper:
                continue  # pydantic counts valid entries only, and the invalid ones have errors of their own
            steps, key = _steps(node, error)
            spot = node.locate(steps, key=key)
            if spot in flawed or (flawed and not error["loc"]):
                continue
            told = explain(error, model)
            diagnostics.add(
                DeclaredError(
                    Place(path, *spot),
                    told.message,
                    field=dotted(steps),
                    expected=told.expected,
                    remedy=told.remedy or _REMEDY,
                )
            )
    return None


def _steps(node: Node, error: ErrorDetails) -> tuple[tuple[Step, ...], bool]:
    """Where in the node an error lies, and whether it is the key itself that is wrong."""
    key = error["type"] in ("extra_forbidden", "amount_dimension")
    steps: list[Step] = []
    at: Node | None = node
    for step in error["loc"]:
        if step == "[key]":
            key = True
            break
        at = at.child(step) if at else None
        if at is None and error["type"] != "missing":
            break  # pydantic names the branch of a union here, which is no part of the document
        steps.append(step)
    return tuple(steps), key


def _again(path: Path, node: Node, kind: str, item: str, first: Place) -> DeclaredError:
    key, name = "node" if kind == "baseline" else "id", shown(item)
    return DeclaredError(
        Place(path, *node.locate((key,))),
        Text(f"{name} 重复申报, 首次在 {first}", f"{name} is declared again, first at {first}"),
        field=key,
        remedy=Text("两处只保留一处, 或改用另一个 id", "keep one of the two, or give it another id"),
    )


def _misnamed(path: Path, node: Node, item: str) -> DeclaredError:
    name = shown(item)
    return DeclaredError(
        Place(path, *node.locate(("id",))),
        Text(f"id {name} 与文件名 {path.name} 不符", f"id {name} does not fit the file name {path.name}"),
        field="id",
        expected=Text(path.stem, path.stem),
        remedy=Text(f"文件改名为 {name}.yaml, 或改 id", f"rename the file to {name}.yaml, or mend the id"),
    )


def _framed(
    file: SourceFile, spot: tuple[int, int], field_name: str, message: Text, expected: Text
) -> DeclaredError:
    return DeclaredError(
        Place(file.path, *spot), message, field=field_name, expected=expected, remedy=_REMEDY
    )


_TOP: Final = Text("两个键: kind 和 items", "two keys: kind and items")
_LIST: Final = Text("列表; 没有内容时写 []", "a list; [] where there is nothing")
_ONE: Final = Text("一项", "one item")
_REMEDY: Final = Text("按要求改写", "write what is expected")
