"""Reads a city's declared files into an Estate.

Called by the engine, the command line and `yunjin.estate.rewrite`; calls every other module of this package.
Promises all errors of a run at once, each with its place, and an Estate only where there is none.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from yunjin.errors import DeclaredError, Place, Text
from yunjin.estate.dates import check_dates
from yunjin.estate.diagnostics import Diagnostics
from yunjin.estate.documents import KINDS, SHARED_FILES, Draft, kind_of_file, read_documents
from yunjin.estate.fields import Fields
from yunjin.estate.files import SourceFile, read_folder
from yunjin.estate.references import check_references
from yunjin.estate.structure import check_structure
from yunjin.model.estate import Estate

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

UNCHANGED: Final[Mapping[str, bytes]] = MappingProxyType({})


def load(folder: Path, changed: Mapping[str, bytes] = UNCHANGED) -> Estate:
    """The declared state of a city.

    Args:
        folder: the city's `tenants/`; places are reported below it as given here.
        changed: contents by name below the folder, read instead of the files there or besides them. Nothing
            is written: this is how a change is tried before it is made.

    Raises:
        DeclaredErrors: everything wrong in the files.
    """
    diagnostics = Diagnostics()
    files = read_folder(folder, changed, diagnostics)
    draft = read_documents(files, diagnostics)
    _require_files(folder, files, draft, diagnostics)
    fields = Fields()
    check_references(draft, fields, diagnostics)
    check_structure(draft, fields, diagnostics)
    check_dates(draft, fields, diagnostics)
    diagnostics.raise_if_any(folder)
    estate = _estate(draft, _digest(files))
    return replace(estate, warnings=tuple(_counted_twice(estate, draft, fields)))


def _require_files(folder: Path, files: Sequence[SourceFile], draft: Draft, diagnostics: Diagnostics) -> None:
    """A file that is gone is an error: without the baseline every quota would look withdrawn."""
    if not files and diagnostics:
        return  # the folder itself could not be listed
    present = {file.name for file in files}
    for name in SHARED_FILES:
        if name in present:
            continue
        kind = kind_of_file(name)
        draft.unread.add(KINDS[kind].name)
        diagnostics.add(
            DeclaredError(
                Place(folder / name),
                Text("缺少这个文件", "this file is missing"),
                expected=Text(f"kind: {kind}", f"kind: {kind}"),
                remedy=Text(
                    f"补上它; 没有内容时写 kind: {kind} 和 items: []",
                    f"add it; where there is nothing to say, with kind: {kind} and items: []",
                ),
            )
        )


def _digest(files: Sequence[SourceFile]) -> str:
    """sha256 over names and contents, each with its length in front."""
    digest = hashlib.sha256()
    for file in files:
        for part in (file.name.encode(), file.content):
            digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()


def _estate(draft: Draft, digest: str) -> Estate:
    def all_of(kind: str) -> Mapping[str, Any]:
        return MappingProxyType({item.id: item.model for item in draft.items[kind].values()})

    return Estate(
        bureaus=all_of("bureau"),
        areas=all_of("area"),
        elements=all_of("element"),
        programmes=all_of("programme"),
        zones=all_of("zone"),
        endpoints=all_of("endpoint"),
        pools=all_of("pool"),
        datasets=all_of("dataset"),
        policies=all_of("policy"),
        prices=all_of("price"),
        tenants=all_of("tenant"),
        baseline=all_of("baseline"),
        places=MappingProxyType(
            {(kind, item.id): item.place for kind, items in draft.items.items() for item in items.values()}
        ),
        digest=digest,
    )


def _counted_twice(estate: Estate, draft: Draft, fields: Fields) -> Iterator[tuple[Place, Text]]:
    """Bodies that a cooperating list names twice or that lead too; `Estate.cooperating` has each once."""
    for element in estate.elements.values():
        bodies = [body for name in element.coop for body in estate.expand((name,))]
        repeated = ", ".join(body for body in dict.fromkeys(bodies) if bodies.count(body) > 1)
        if element.lead not in bodies and not repeated:
            continue
        place = fields.place(draft.items["element"][element.id], ("coop",))
        if element.lead in bodies:
            yield (
                place,
                Text(
                    f"{element.zh}: 牵头部门 {element.lead} 又列为配合部门, 只计一次",
                    f"{element.en}: the lead {element.lead} is listed as cooperating too and counts once",
                ),
            )
        if repeated:
            yield (
                place,
                Text(
                    f"{element.zh}: 配合部门 {repeated} 重复列出, 只计一次",
                    f"{element.en}: cooperating bodies listed twice count once: {repeated}",
                ),
            )
