"""Since when a difference is seen: kept while it stays, anew when it changes, forgotten when it goes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from yunjin.model.resources import Key
from yunjin.store import Sighting, Store

if TYPE_CHECKING:
    from clocks import Clock

QUOTA = Key("k8s-egov", "jtj-egov", "ResourceQuota", "yunjin")
PATH = "spec.hard.requests.cpu"


def test_a_difference_keeps_its_first_time(store: Store, clock: Clock) -> None:
    first = clock()
    assert store.sightings.update("k8s-egov", [Sighting(QUOTA, PATH, "x")]) == {(QUOTA, PATH): first}
    clock.advance(600)

    assert store.sightings.update("k8s-egov", [Sighting(QUOTA, PATH, "x")]) == {(QUOTA, PATH): first}


def test_another_value_is_another_difference(store: Store, clock: Clock) -> None:
    store.sightings.update("k8s-egov", [Sighting(QUOTA, PATH, "x")])
    clock.advance(600)

    assert store.sightings.update("k8s-egov", [Sighting(QUOTA, PATH, "y")]) == {(QUOTA, PATH): clock()}


def test_what_was_mended_and_comes_back_is_new(store: Store, clock: Clock) -> None:
    store.sightings.update("k8s-egov", [Sighting(QUOTA, PATH, "x")])
    assert store.sightings.update("k8s-egov", []) == {}
    clock.advance(600)

    assert store.sightings.update("k8s-egov", [Sighting(QUOTA, PATH, "x")]) == {(QUOTA, PATH): clock()}


def test_one_endpoint_says_nothing_of_another(store: Store, clock: Clock) -> None:
    first = clock()
    store.sightings.update("k8s-egov", [Sighting(QUOTA, PATH, "x")])
    clock.advance(600)
    store.sightings.update("k8s-inet", [])

    assert store.sightings.update("k8s-egov", [Sighting(QUOTA, PATH, "x")]) == {(QUOTA, PATH): first}


def test_what_another_sweep_forgets_meanwhile_still_has_its_age(store: Store) -> None:
    """Two controllers look at one endpoint; whoever asked last decides what is kept, each gets its answer."""
    mine = Sighting(QUOTA, PATH, "1")
    with ThreadPoolExecutor(2) as pool:
        answers = [
            pool.submit(store.sightings.update, "k8s", [mine] if turn % 2 else []) for turn in range(200)
        ]
    assert all((QUOTA, PATH) in answer.result() for answer in answers[1::2])
