"""What a simulated cloud does on a bad day: faults between its services, and what is left of a write."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from leaves import (
    CLOUD_LARGE,
    CLOUD_TRANSLATOR,
    change,
    removal,
    state,
    write,
)
from simulated_clouds import DEFAULTS, live, of, told, wanted
from yunjin.errors import ConflictError, RefusalError, TransientError
from yunjin.substrates.openstack.quantities import SERVICES
from yunjin.substrates.simulated.faults import Effect, Operation, Rule

if TYPE_CHECKING:
    from collections.abc import Callable

    from leaves import Objects
    from yunjin.substrates.simulated.cloud import SimulatedCloud


LARGE = wanted(allotted=CLOUD_LARGE)


def strikes(service: str, effect: Effect, *calls: int) -> Rule:
    return Rule(operation=Operation.SERVICE, service=service, effect=effect, nth=calls)


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize(
    ("effect", "kind"),
    [
        (Effect.UNAVAILABLE, TransientError),
        (Effect.TIMEOUT_BEFORE, TransientError),
        (Effect.TIMEOUT_AFTER, TransientError),
        (Effect.CONFLICT, ConflictError),
        (Effect.REFUSED, RefusalError),
    ],
)
def test_a_fault_in_one_service_leaves_all_as_before(
    simulated: SimulatedCloud, opened: Callable[..., SimulatedCloud], whole: Objects, service: str,
    effect: Effect, kind: type[Exception],
) -> None:  # fmt: skip
    before = live(simulated, whole.quota)
    struck = opened(strikes(service, effect, 1))
    with pytest.raises(kind):
        struck.write(change(LARGE.quota, before), before)
    assert told(simulated, whole.quota) == of(whole.quota)
    after = live(simulated, whole.quota)
    struck.write(change(LARGE.quota, after), after)
    assert told(simulated, whole.quota) == of(LARGE.quota)


@pytest.mark.parametrize("service", SERVICES)
def test_a_fault_in_one_service_leaves_a_new_quota_at_the_services_defaults(
    simulated: SimulatedCloud, opened: Callable[..., SimulatedCloud], service: str
) -> None:
    write(simulated, wanted().namespace)
    struck = opened(strikes(service, Effect.TIMEOUT_AFTER, 1))
    with pytest.raises(TransientError):
        struck.write(change(wanted().quota, None), None)
    assert told(simulated, wanted().quota) == DEFAULTS


@pytest.mark.parametrize(
    ("first", "second", "old"),
    [
        # The third service says no, and one of the others cannot be put back.
        (("volume", Effect.REFUSED), ("compute", Effect.UNAVAILABLE), {"network", "volume"}),
        (("volume", Effect.REFUSED), ("network", Effect.UNAVAILABLE), {"compute", "volume"}),
        (("network", Effect.CONFLICT), ("compute", Effect.CONFLICT), {"network", "volume"}),
        # It is silent, and stays so: what it did, it did.
        (("volume", Effect.TIMEOUT_AFTER), ("volume", Effect.UNAVAILABLE), {"compute", "network"}),
        (("network", Effect.TIMEOUT_AFTER), ("network", Effect.UNAVAILABLE), {"compute", "volume"}),
    ],
)
def test_what_cannot_be_put_back_is_in_doubt_and_is_driven_forward(
    simulated: SimulatedCloud, opened: Callable[..., SimulatedCloud], whole: Objects,
    first: tuple[str, Effect], second: tuple[str, Effect], old: set[str],
) -> None:  # fmt: skip
    before = live(simulated, whole.quota)
    struck = opened(strikes(*first, 1), strikes(*second, 2))
    written = change(LARGE.quota, before)
    with pytest.raises(TransientError, match="in doubt") as raised:
        struck.write(written, before)
    in_doubt = raised.value.facts["in_doubt"]
    assert isinstance(in_doubt, dict)
    assert {service for service, held in in_doubt.items() if held == "old"} == old
    small, large = of(whole.quota), of(LARGE.quota)
    assert told(simulated, whole.quota) == {s: small[s] if s in old else large[s] for s in SERVICES}
    half = live(simulated, whole.quota)
    assert CLOUD_TRANSLATOR.unfinished(LARGE.quota, before, half)
    assert struck.effective([written]) == {}
    struck.write(change(LARGE.quota, half), half)
    assert told(simulated, whole.quota) == large
    assert struck.effective([written]).keys() == {LARGE.quota.key}


def test_a_quota_that_falls_in_one_service_and_cannot_in_another_stays(
    simulated: SimulatedCloud, whole: Objects
) -> None:
    write(simulated, LARGE.quota)
    simulated.consume("jtj-egov", {"volume": {"volumes": 15}})
    before = live(simulated, whole.quota)
    with pytest.raises(ConflictError) as raised:
        simulated.write(change(whole.quota, before), before)
    assert raised.value.facts == {"service": "volume", "below_use": ["volumes"]}
    assert told(simulated, whole.quota) == of(LARGE.quota)


def test_a_removal_that_was_broken_off_shows_and_is_finished_by_the_next(
    simulated: SimulatedCloud, opened: Callable[..., SimulatedCloud], whole: Objects
) -> None:
    ended, before = removal(whole.namespace), live(simulated, whole.namespace)
    struck = opened(strikes("identity", Effect.TIMEOUT_BEFORE, 1))
    with pytest.raises(TransientError):
        struck.write(ended, before)
    half = live(simulated, whole.namespace)
    assert CLOUD_TRANSLATOR.claim(half).ending
    assert not half.body["spec"]["enabled"]
    assert struck.effective([ended]) == {}
    struck.write(ended, half)
    assert simulated.read(whole.keys) == {}
    assert set(state(simulated)) == {""}


@pytest.mark.parametrize(
    ("operation", "call"),
    [
        (Operation.OBSERVE, state),
        (Operation.STREAM, state),
        (Operation.READ, lambda simulated: simulated.read([wanted().quota.key])),
        (Operation.WRITE, lambda simulated: simulated.write(change(wanted().admin, None), None)),
        (Operation.EFFECTIVE, lambda simulated: simulated.effective([])),
        (Operation.ACQUIRE, lambda simulated: simulated.acquire("apply-1", 60)),
        (Operation.RELEASE, lambda simulated: simulated.release("apply-1")),
    ],
)
@pytest.mark.parametrize("effect", [Effect.TIMEOUT_BEFORE, Effect.TIMEOUT_AFTER])
def test_every_call_can_be_struck(
    whole: Objects, opened: Callable[..., SimulatedCloud], operation: Operation,
    call: Callable[[SimulatedCloud], object], effect: Effect,
) -> None:  # fmt: skip
    struck = opened(Rule(operation=operation, effect=effect, nth=(1,)))
    with pytest.raises(TransientError):
        call(struck)
    call(struck)
