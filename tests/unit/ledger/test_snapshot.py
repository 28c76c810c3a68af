"""A snapshot answers as the ledger did; a document that is not whole is no snapshot."""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from yunjin.errors import PermanentError, UsageError
from yunjin.ledger import books, export, nodes, reservations, snapshot
from yunjin.ledger.records import own_key
from yunjin.ledger.shares import shares

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ledgers import Hand

LEAF = "leaf/k1/jtj-egov"


@pytest.fixture
def document(hand: Hand, tmp_path: Path) -> Path:
    """An export of the small tree, with a reservation, a move and an opening."""
    hand.allot(LEAF, cpu=6, memory=60)
    opened = own_key("opening", "leaf", "leaf/k1/bus-egov")
    hand(reservations.reserve, leaf="leaf/k1/bus-egov", target={"cpu": 2}, key=opened)
    content = export.read(hand.database.rows, hand.database.dialect)
    path = tmp_path / "ledger.json"
    path.write_text(export.document(content), "utf-8")
    return path


def test_it_answers_as_the_ledger_did(hand: Hand, document: Path) -> None:
    parts = (books.NODES, books.CELLS, books.GRANTS, books.SUPPLY, books.RESERVATIONS, books.HUNG)
    with closing(snapshot.read(document)) as taken:
        there, here = books.read(taken, parts), books.read(hand.database, parts)
        assert (there.nodes, there.cells) == (here.nodes, here.cells)
        assert [(g.number, g.limit, g.guarantee) for g in there.grants] == [
            (g.number, g.limit, g.guarantee) for g in sorted(here.grants, key=lambda g: g.number)
        ] or {g.number: (g.limit, g.guarantee) for g in there.grants} == {
            g.number: (g.limit, g.guarantee) for g in here.grants
        }
        assert shares(taken) == shares(hand.database)
        assert export.read(taken.rows, taken.dialect) == export.read(hand.database.rows, "sqlite")


def test_nothing_can_be_written_to_it(document: Path) -> None:
    with closing(snapshot.read(document)) as taken:
        for work in (
            lambda: taken.write(nodes.add_node, {}),
            lambda: taken.submit(nodes.add_node, {}),
            lambda: taken.write_all([(nodes.add_node, ({},))]),
        ):
            with pytest.raises(PermanentError, match="cannot be written"):
                work()
        with pytest.raises(Exception, match="readonly"):
            taken.rows("DELETE FROM quota_cells")


def _changed(change: Callable[[dict[str, Any]], object]) -> Callable[[bytes], bytes]:
    def spoil(content: bytes) -> bytes:
        said = json.loads(content)
        change(said)
        return json.dumps(said).encode()

    return spoil


def _resealed(change: Callable[[dict[str, Any]], object]) -> Callable[[bytes], bytes]:
    def whole(said: dict[str, Any]) -> None:
        change(said)
        said["digest"] = export.digest_of(said["ledger"])

    return _changed(whole)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda _: b"", "no export"),
        (lambda _: b"\xff\xfe", "no export"),
        (lambda _: b"[" * 100_000, "no export"),
        (lambda content: content[:-10], "no export"),
        (lambda _: b"[]", "no export"),
        (_changed(lambda said: said.update(format=2)), "no export"),
        (_changed(lambda said: said.pop("ledger")), "no export"),
        (_changed(lambda said: said["ledger"]["quota_cells"][0].update(limit_=10**6)), "digest"),
        (_changed(lambda said: said.update(digest="0" * 64)), "digest"),
        (_resealed(lambda said: said["ledger"].pop("grants")), "no export"),
        (_resealed(lambda said: said["ledger"].update(more=[])), "no export"),
        (_resealed(lambda said: said["ledger"]["grants"][0].pop("node")), "no export"),
        (_resealed(lambda said: said["ledger"]["grants"][0]["amounts"][0].update(x=1)), "no export"),
        (_resealed(lambda said: said["ledger"].update(quota_nodes=[1])), "no export"),
        (_resealed(lambda said: said.update(signature="mine")), "no export"),
    ],
)
def test_what_is_no_export_is_said(document: Path, spoil: Callable[[bytes], bytes], said: str) -> None:
    document.write_bytes(spoil(document.read_bytes()))

    with pytest.raises(UsageError, match=said):
        snapshot.read(document)


def test_a_document_written_otherwise_is_the_same(document: Path) -> None:
    """Whoever formats it anew changes nothing that its digest is over."""
    document.write_text(json.dumps(json.loads(document.read_text("utf-8")), indent=4), "utf-8")
    snapshot.read(document).close()


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nowhere"):
        snapshot.read(tmp_path / "nowhere")
