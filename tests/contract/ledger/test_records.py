"""One request, one effect, one audit row, one answer."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest

from ledgers import DAY, K8S
from yunjin.errors import ConflictError, ShortageError, UsageError
from yunjin.ledger import GrantTerms, Ledger, grants, reservations
from yunjin.ledger.records import OWN, asked_key, canonical, digest_of, own_key
from yunjin.model.amounts import Amounts

if TYPE_CHECKING:
    from clocks import Clock
    from ledgers import Hand

# Requests, answers and errors also cross the socket alike.
through_every_door = pytest.mark.parametrize(
    "hand",
    ["file", "through the socket", pytest.param("postgresql", marks=pytest.mark.postgres)],
    indirect=True,
)

LEAF = "leaf/k1/jtj-egov"


@through_every_door
def test_a_request_that_comes_twice_is_carried_out_once_and_answered_alike(hand: Hand) -> None:
    first = hand(reservations.reserve, leaf=LEAF, delta={"cpu": 3}, key="k")
    again = hand(reservations.reserve, leaf=LEAF, delta={"cpu": 3}, key="k")

    assert again == first
    assert hand.allotted(LEAF) == 3
    assert hand.rows("SELECT count(*) FROM audit WHERE key = 'k'") == [(1,)]


def test_the_time_of_a_request_does_not_make_it_another(hand: Hand, clock: Clock) -> None:
    first = hand(reservations.reserve, leaf=LEAF, delta={"cpu": 3}, key="k")
    clock.advance(-86_400)

    assert hand(reservations.reserve, leaf=LEAF, delta={"cpu": 3}, key="k") == first


def test_a_grant_that_is_sent_again_after_midnight_is_the_same(hand: Hand, clock: Clock) -> None:
    ledger, day = Ledger(hand.database, clock, "tests"), date(2026, 11, 22)
    two = Amounts({"cpu": 2})
    terms = GrantTerms("", "bureau/jtj", two, {K8S: two}, None)
    first = ledger.grant(terms, day, key="k")
    ledger.end(first.number, "更正", day, key="e")
    clock.advance(86_400)
    next_day = day + timedelta(days=1)

    assert ledger.grant(terms, next_day, key="k") == first
    ledger.end(first.number, "更正", next_day, key="e")
    assert hand.rows(
        "SELECT valid_from, valid_to FROM grants WHERE number = ? ORDER BY id", first.number
    ) == [
        ("2026-11-22", None),
        ("2026-11-22", "2026-11-22"),
    ]


def test_a_key_of_a_grant_allots_nothing_later(hand: Hand, clock: Clock) -> None:
    ledger, day = Ledger(hand.database, clock, "tests"), date(2026, 11, 22)
    two = Amounts({"cpu": 2})
    terms = GrantTerms("", "tenant/bus", two, {K8S: two}, day)
    hand(grants.add_grant, **{**terms.request(), "node": "bureau/jtj", "number": "room"}, today=DAY)
    ledger.grant(terms, day, key="k")
    with pytest.raises(ConflictError):
        ledger.grant(terms, day, to="leaf/k1/bus-egov", key="k")

    assert hand.allotted("leaf/k1/bus-egov") == 0


@through_every_door
@pytest.mark.parametrize(
    "other", [{"delta": {"cpu": 4}}, {"leaf": "leaf/k1/jtj-gis"}, {"actor": "somebody else"}]
)
def test_the_key_of_another_request_is_refused(hand: Hand, other: dict[str, object]) -> None:
    request = {"leaf": LEAF, "delta": {"cpu": 3}, "key": "k"}
    hand(reservations.reserve, **request)
    with pytest.raises(ConflictError) as caught:
        hand(reservations.reserve, **{**request, **other})

    assert caught.value.message.zh == "业务流水号 k 已用于另一项业务"
    assert hand.allotted(LEAF) == 3


@through_every_door
def test_a_key_whose_request_was_refused_is_free(hand: Hand) -> None:
    with pytest.raises(ShortageError):
        hand(reservations.reserve, leaf=LEAF, delta={"cpu": 99}, key="k")

    assert hand(reservations.reserve, leaf=LEAF, delta={"cpu": 3}, key="k")["target"] == {"cpu": 3}


def test_the_audit_row_tells_what_was_asked_and_what_came_of_it(hand: Hand) -> None:
    number = hand(reservations.reserve, leaf=LEAF, delta={"cpu": 3}, key="k")["reservation"]
    (row,) = hand.rows("SELECT at, actor, operation, digest, request, result FROM audit WHERE key = 'k'")
    at, actor, operation, digest, request, result = row

    assert (at, actor, operation) == ("2026-11-22T01:00:00.000000+00:00", "tests", "reserve")
    assert json.loads(request)["delta"] == {"cpu": 3}
    assert digest == digest_of(json.loads(request))
    assert json.loads(result) == {
        "reservation": number,
        "target": {"cpu": 3},
        "counted": [[LEAF, "k8s-egov", {"cpu": 3}]],
    }


@through_every_door
def test_every_step_of_a_reservation_has_its_row(hand: Hand) -> None:
    number = hand.allot(LEAF, cpu=5)

    keys = dict(hand.rows("SELECT key, operation FROM audit"))
    assert keys[own_key("commit", number)] == "commit"
    assert keys[own_key("confirm", number)] == "confirm"


def test_a_key_of_the_ledgers_own_cannot_be_asked_for() -> None:
    """Somebody who asked under `~commit/1` would keep reservation 1 from ever being committed."""
    with pytest.raises(UsageError, match="does not begin with"):
        asked_key(f"{OWN}commit/1")
    with pytest.raises(UsageError, match="200 characters"):
        asked_key("k" * 201)
    assert asked_key("k" * 200) == "k" * 200
    assert asked_key("") != asked_key("")


def test_whoever_asks_is_kept_from_the_ledgers_own_keys(hand: Hand, clock: Clock) -> None:
    ledger = Ledger(hand.database, clock, "tests")
    with pytest.raises(UsageError, match="does not begin with"):
        ledger.allot(LEAF, Amounts({"cpu": 1}), key="~commit/1")
    number = hand.allot(LEAF, cpu=1)

    assert hand.state(number) == "confirmed"


def test_there_is_one_form_that_is_hashed() -> None:
    assert canonical({"b": [1, "处理器"], "a": None}) == '{"a":null,"b":[1,"处理器"]}'
    assert digest_of({"a": 1, "at": "now"}) == digest_of({"at": "then", "a": 1})
    assert digest_of({"a": 1}) != digest_of({"a": 2})
