"""Faults come where they were ordered, the same each time."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from leaves import LARGE, change, leaf, objects, read, write
from yunjin.errors import (
    ConflictError,
    RefusalError,
    TransientError,
    UnreachableError,
    UsageError,
    YunjinError,
)
from yunjin.model.resources import Key
from yunjin.substrates.simulated.backend import SimulatedBackend
from yunjin.substrates.simulated.faults import MOST_BYTES, Effect, Faults, Operation, Rule

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ENDPOINT = "k8s"
KEY = Key(ENDPOINT, "jtj-egov", "ResourceQuota", "yunjin")


def struck(faults: Faults, calls: int, key: Key = KEY) -> list[int]:
    """Which of so many writes met an error."""
    found = []
    for number in range(1, calls + 1):
        try:
            faults.meet(ENDPOINT, Operation.WRITE, key)
        except YunjinError:
            found.append(number)
    return found


def rule(**more: Any) -> Rule:
    return Rule.model_validate({"operation": "write", "effect": "unavailable", **more})


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, [1, 2, 3, 4, 5, 6]),
        ({"nth": [2, 5]}, [2, 5]),
        ({"every": 3}, [3, 6]),
        ({"nth": [1], "every": 4}, [1, 4]),
        ({"kind": "ResourceQuota"}, [1, 2, 3, 4, 5, 6]),
        ({"kind": "RoleBinding"}, []),
        ({"leaf": "jtj-egov", "nth": [1]}, [1]),
        ({"leaf": "zfj-egov"}, []),
        ({"operation": "read"}, []),
        ({"operation": "service", "service": "volume"}, []),
    ],
)
def test_a_rule_counts_the_calls_that_fit(more: dict[str, Any], expected: list[int]) -> None:
    assert struck(Faults((rule(**more),)), 6) == expected


def test_a_service_is_struck_alone() -> None:
    key = Key("os", "jtj-egov", "Quota", "yunjin")
    faults = Faults((rule(operation="service", service="volume", leaf="jtj-egov", nth=[2]),))
    calls = [
        faults.meet("os", Operation.SERVICE, key, service) for service in ("volume", "compute", "network")
    ]
    assert calls == [None] * 3
    with pytest.raises(TransientError):
        faults.meet("os", Operation.SERVICE, key, "volume")


def test_a_rate_is_the_same_each_time_and_about_what_it_says() -> None:
    first = struck(Faults((rule(rate=0.2),), seed=7), 1000)
    assert first == struck(Faults((rule(rate=0.2),), seed=7), 1000)
    assert first != struck(Faults((rule(rate=0.2),), seed=8), 1000)
    assert 120 < len(first) < 280


def test_many_threads_are_counted_once_each() -> None:
    faults = Faults((rule(every=10),))
    with ThreadPoolExecutor(8) as pool:
        met = list(pool.map(lambda _: struck(faults, 1), range(500)))
    assert sum(map(len, met)) == 50


@pytest.mark.parametrize(
    ("effect", "error"),
    [
        ("throttled", TransientError),
        ("unavailable", TransientError),
        ("timeout-before", TransientError),
        ("conflict", ConflictError),
        ("refused", RefusalError),
        ("unreachable", UnreachableError),
    ],
)
def test_a_fault_before_the_call_leaves_everything_as_it_was(
    file: Path, effect: str, error: type[YunjinError]
) -> None:
    faults = Faults((rule(effect=effect, nth=[1], retry_after=3),))
    backend = SimulatedBackend.open(ENDPOINT, file, faults)
    wanted = objects(leaf("jtj-egov", ENDPOINT)).namespace
    with pytest.raises(error) as raised:
        write(backend, wanted)
    assert type(raised.value) is error
    assert raised.value.remedy is not None
    assert read(backend, wanted.key) is None
    write(backend, wanted)
    assert read(backend, wanted.key) is not None
    backend.close()


def test_a_hint_when_to_come_back_is_passed_on() -> None:
    with pytest.raises(TransientError) as raised:
        Faults((rule(effect="throttled", retry_after=2.5),)).meet(ENDPOINT, Operation.WRITE, KEY)
    assert raised.value.retry_after == 2.5


def test_an_answer_may_be_lost_though_the_write_was_made(file: Path) -> None:
    faults = Faults((rule(effect="timeout-after", nth=[2]),))
    backend = SimulatedBackend.open(ENDPOINT, file, faults)
    small = objects(leaf("jtj-egov", ENDPOINT))
    write(backend, small.namespace)
    sent = change(small.quota, None)
    with pytest.raises(TransientError):
        backend.write(sent, None)
    live = read(backend, small.quota.key)
    assert live is not None
    backend.write(sent, None)
    large = objects(leaf("jtj-egov", ENDPOINT, allotted=LARGE))
    write(backend, large.quota)
    backend.close()


@pytest.mark.parametrize(
    ("operation", "call"),
    [
        (Operation.OBSERVE, lambda backend: list(backend.observe())),
        (Operation.READ, lambda backend: backend.read([])),
        (Operation.EFFECTIVE, lambda backend: backend.effective([])),
        (Operation.ACQUIRE, lambda backend: backend.acquire("me", 60)),
        (Operation.RELEASE, lambda backend: backend.release("me")),
    ],
)
@pytest.mark.parametrize("effect", [Effect.UNREACHABLE, Effect.TIMEOUT_AFTER])
def test_every_call_can_fail(
    file: Path, operation: Operation, effect: Effect, call: Callable[[SimulatedBackend], object]
) -> None:
    backend = SimulatedBackend.open(
        ENDPOINT, file, Faults((Rule(operation=operation, effect=effect, nth=(1,)),))
    )
    with pytest.raises(TransientError):
        call(backend)
    call(backend)
    backend.close()


def test_observing_can_fail_at_any_leaf(file: Path) -> None:
    stop = Rule(operation=Operation.STREAM, effect=Effect.UNREACHABLE, leaf="jtj-egov")
    backend = SimulatedBackend.open(ENDPOINT, file, Faults((stop,)))
    for name in ("fgw-egov", "jtj-egov", "zfj-egov"):
        write(backend, objects(leaf(name, ENDPOINT)).namespace)
    states = backend.observe()
    assert [next(states).name, next(states).name] == ["", "fgw-egov"]
    with pytest.raises(UnreachableError):
        next(states)
    backend.close()


def test_faults_come_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "faults.json"
    file.write_text(
        json.dumps({"seed": 7, "rules": [{"operation": "write", "effect": "refused", "nth": [2]}]})
    )
    assert struck(Faults.load(file), 3) == [2]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("", r"\$"),
        ("[]", r"\$"),
        ('{"rules":[{"effect":"refused"}]}', r"rules\.0\.operation"),
        ('{"rules":[{"operation":"write","effect":"explode"}]}', r"rules\.0\.effect"),
        ('{"rules":[{"operation":"write","effect":"refused","nth":[0]}]}', r"rules\.0\.nth\.0"),
        ('{"rules":[{"operation":"write","effect":"refused","rate":2}]}', r"rules\.0\.rate"),
        ('{"rules":[{"operation":"read","effect":"conflict"}]}', r"rules\.0"),
        ('{"rules":[{"operation":"read","effect":"refused","kind":"RoleBinding"}]}', r"rules\.0"),
        ('{"rules":[{"operation":"read","effect":"refused","leaf":"jtj"}]}', r"rules\.0"),
        ('{"rules":[{"operation":"write","effect":"refused","service":"volume"}]}', r"rules\.0"),
        ('{"rule":[]}', "rule"),
        ("x" * (MOST_BYTES + 1), "1 MiB"),
    ],
)
def test_a_wrong_order_is_refused_with_the_place(text: str, place: str) -> None:
    with pytest.raises(UsageError, match=place):
        Faults.parse(text)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"nowhere\.json"):
        Faults.load(tmp_path / "nowhere.json")
