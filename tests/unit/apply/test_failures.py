"""Bad days of an endpoint: what passes is repeated, what does not is reported, and no receipt is lost."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from applying import ENDPOINT, QUICK, Place, outcomes
from yunjin.substrates.simulated.backend import SimulatedBackend
from yunjin.substrates.simulated.faults import Effect, Faults, Operation, Rule

if TYPE_CHECKING:
    from pathlib import Path

    from yunjin.model.change import Receipt


def _apply(place: Place, *rules: Rule, leaves: int = 1) -> dict[str, Receipt]:
    backend = place.connect(*rules)
    changes = [change for number in range(1, leaves + 1) for change in place.changes(place.leaf(number))]
    try:
        return place.apply(*changes, backend=backend)
    finally:
        backend.close()


@pytest.mark.parametrize(
    "effect",
    [
        Effect.THROTTLED,
        Effect.UNAVAILABLE,
        Effect.TIMEOUT_BEFORE,
        Effect.TIMEOUT_AFTER,
        Effect.UNREACHABLE,
        Effect.CONFLICT,
    ],
)
def test_what_passes_is_repeated(place: Place, effect: Effect) -> None:
    receipts = _apply(place, Rule(operation=Operation.WRITE, effect=effect, nth=(2, 5, 6)))

    assert set(outcomes(receipts).values()) == {"done"}
    assert set(place.states().values()) == {"done"}


def test_a_write_whose_answer_was_lost_counts_as_done_and_is_not_repeated(place: Place) -> None:
    quota = next(wanted.key for wanted in place.leaf() if wanted.key.kind == "ResourceQuota")
    lost = Rule(operation=Operation.WRITE, effect=Effect.TIMEOUT_AFTER, kind="ResourceQuota", nth=(1,))
    again = Rule(operation=Operation.WRITE, effect=Effect.REFUSED, kind="ResourceQuota", nth=(2,))

    receipts = _apply(place, lost, again)

    assert outcomes(receipts)["ResourceQuota/yunjin"] == "done"
    assert quota in place.backend.read([quota])


def test_what_does_not_pass_fails_with_reason_and_remedy(place: Place) -> None:
    receipts = _apply(place, Rule(operation=Operation.WRITE, effect=Effect.UNAVAILABLE, kind="LimitRange"))

    failed = receipts["LimitRange/yunjin"]
    assert failed.outcome.value == "failed"
    assert failed.reason is not None
    assert ENDPOINT in failed.reason.en
    assert failed.reason.zh != failed.reason.en
    assert outcomes(receipts)["NetworkPolicy/yunjin-deny"] == "done"
    assert outcomes(receipts)["RoleBinding/yunjin-admin"] == "skipped"


def test_a_refusal_is_not_repeated(place: Place) -> None:
    once = Rule(operation=Operation.WRITE, effect=Effect.REFUSED, kind="LimitRange", nth=(1,))

    assert outcomes(_apply(place, once))["LimitRange/yunjin"] == "failed"


def test_a_server_that_dies_in_the_middle_fails_the_rest_and_a_second_run_finishes(place: Place) -> None:
    dies = Rule(operation=Operation.WRITE, effect=Effect.UNREACHABLE, nth=tuple(range(6, 200)))
    blind = Rule(operation=Operation.READ, effect=Effect.UNREACHABLE, nth=tuple(range(2, 50)))

    _apply(place, dies, blind, leaves=4)

    ended = {receipt.outcome.value for receipt in place.seen}
    assert len(place.seen) == 32
    assert ended == {"done", "failed", "skipped"}
    assert place.store.journal.unfinished() == ()
    assert place.store.leases.held() == ()

    place.seen.clear()
    _apply(place, leaves=4)
    assert {receipt.outcome.value for receipt in place.seen} == {"done", "already"}


def test_an_endpoint_that_cannot_be_read_fails_whole(place: Place) -> None:
    receipts = _apply(place, Rule(operation=Operation.READ, effect=Effect.UNREACHABLE))

    assert set(outcomes(receipts).values()) == {"failed"}
    assert place.standing() == set()


def test_a_reading_that_fails_at_first_is_repeated(place: Place) -> None:
    receipts = _apply(
        place, Rule(operation=Operation.READ, effect=Effect.THROTTLED, nth=(1, 2), retry_after=0.02)
    )

    assert set(outcomes(receipts).values()) == {"done"}


def test_a_removal_is_not_taken_for_done_where_nothing_could_be_read(place: Place) -> None:
    place.apply(*place.changes(place.leaf()))
    removals = [place.removal(wanted) for wanted in place.leaf()]
    blind = place.connect(Rule(operation=Operation.READ, effect=Effect.REFUSED))

    receipts = place.apply(*removals, backend=blind, settings=replace(QUICK, allow_destroy=True))
    blind.close()

    assert set(outcomes(receipts).values()) == {"failed"}


def test_a_field_that_another_manager_owns_is_a_failure_that_names_them(place: Place) -> None:
    place.apply(*place.changes(place.leaf()))
    deny = next(wanted for wanted in place.leaf() if wanted.key.name == "yunjin-deny")
    place.backend.edit(deny.key, {("metadata", "labels", "yunjin/bureau"): "other"}, manager="their-tool")

    refused = place.apply(place.change(deny))["NetworkPolicy/yunjin-deny"]
    assert refused.outcome.value == "failed"
    assert refused.reason is not None
    assert "their-tool" in refused.reason.en

    forced = place.apply(place.change(deny, force=True))
    assert outcomes(forced) == {"NetworkPolicy/yunjin-deny": "done"}


_FAULT = st.builds(
    Rule,
    operation=st.sampled_from(
        [Operation.WRITE, Operation.READ, Operation.EFFECTIVE, Operation.ACQUIRE, Operation.RELEASE]
    ),
    effect=st.sampled_from([effect for effect in Effect if effect not in (Effect.LATENCY, Effect.CONFLICT)]),
    rate=st.sampled_from([0.1, 0.3, 0.9]),
)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rules=st.lists(_FAULT, max_size=3), seed=st.integers(0, 2**16))
def test_whatever_happens_each_change_has_one_receipt_and_a_calm_run_finishes(
    tmp_path_factory: pytest.TempPathFactory, rules: list[Rule], seed: int
) -> None:
    place = Place(tmp_path_factory.mktemp("place"))
    changes = [*place.changes(place.shared()), *place.changes(place.leaf(1)), *place.changes(place.leaf(2))]
    file: Path = place.folder / f"{ENDPOINT}.db"
    stormy = SimulatedBackend.open(ENDPOINT, file, Faults(tuple(rules), seed))
    place.apply(
        *changes,
        backend=stormy,
        settings=replace(QUICK, wait_quota=0.1, backoff=0.001, attempts=3, lease=0.4),
    )
    stormy.close()
    assert sorted(receipt.change.key for receipt in place.seen) == sorted(change.key for change in changes)
    assert sorted(entry.key for entry in place.store.journal.entries(1)) == sorted(
        change.key for change in changes
    )

    place.seen.clear()
    calm = place.apply(*changes, settings=replace(QUICK, lock_timeout=5))
    assert {receipt.outcome.value for receipt in calm.values()} <= {"done", "already"}
    place.store.close()
    place.backend.close()
