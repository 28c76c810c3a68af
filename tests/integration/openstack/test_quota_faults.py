"""A quota over three services, whatever fails on the way: all new, all old, or said to be in doubt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import faults
from cloud_proxies import says, says_after_effect
from faults import Fault, Rule
from leaves import change, read, write
from yunjin.errors import ConflictError, RefusalError, TransientError, UnreachableError, YunjinError

if TYPE_CHECKING:
    from cloud_proxies import CloudProxies
    from leaves import Objects
    from yunjin.model.resources import Live
    from yunjin.substrates.openstack.backend import OpenStackBackend

SERVICES = ("compute", "network", "volume")
_LONG = 30.0  # beyond the backend's patience

# What the client makes good by itself, reading back where it must.
OVERCOME = {
    "busy once": says(503),
    "too many requests, come back": says(429, retry_after=1),
    "connection reset": faults.reset(),
    "answer lost after the effect": faults.drop_after_effect(),
    "failure after the effect": says_after_effect(500),
    "time-out after the effect": faults.hang_after_effect(_LONG),
}
# What it cannot, with the error it ends in.
FAILED: dict[str, tuple[Fault, type[YunjinError]]] = {
    "failure": (says(500), TransientError),
    "too many requests, come back much later": (says(429, retry_after=600), TransientError),
    "time-out": (faults.hang(_LONG), UnreachableError),
    "malformed JSON": (faults.malformed(), TransientError),
    "a page of another server": (faults.not_an_api(), TransientError),
    "policy forbids": (says(403, "Policy does not allow it"), RefusalError),
    "conflict": (says(409), ConflictError),
}


@pytest.fixture
def live(direct: OpenStackBackend, small: Objects) -> Live:
    """The quota of a leaf as it was written."""
    write(direct, small.namespace, small.quota)
    found = read(direct, small.quota.key)
    assert found is not None
    return found


@pytest.fixture
def asked(large: Objects, live: Live) -> Any:
    """More of everything, in every service."""
    return change(large.quota, live)


def _held(direct: OpenStackBackend, live: Live) -> dict[str, Any]:
    now = read(direct, live.key)
    assert now is not None
    return dict(now.body["spec"])


@pytest.mark.parametrize("fault", OVERCOME.values(), ids=OVERCOME.keys())
def test_what_every_service_gets_over_is_written(
    direct: OpenStackBackend,
    backend: OpenStackBackend,
    proxies: CloudProxies,
    live: Live,
    asked: Any,
    fault: Fault,
) -> None:
    for service in SERVICES:
        proxies[service].inject(Rule(fault, "PUT", "quota"))
    backend.write(asked, live)
    assert _held(direct, live) == asked.body["spec"]
    for service in SERVICES:
        assert any(seen.fault == fault for seen in proxies[service].seen)


@pytest.mark.parametrize(("fault", "kind"), FAILED.values(), ids=FAILED.keys())
def test_what_fails_in_any_service_leaves_all_as_before(
    direct: OpenStackBackend,
    backend: OpenStackBackend,
    proxies: CloudProxies,
    live: Live,
    asked: Any,
    fault: Fault,
    kind: type[YunjinError],
) -> None:
    for service in SERVICES:
        proxies.forget()
        proxies[service].inject(Rule(fault, "PUT", "quota"))
        with pytest.raises(kind) as raised:
            backend.write(asked, live)
        assert "in_doubt" not in raised.value.facts
        assert _held(direct, live) == live.body["spec"]
    backend.write(asked, live)
    assert _held(direct, live) == asked.body["spec"]


def test_the_hint_of_the_service_reaches_the_caller(
    backend: OpenStackBackend, proxies: CloudProxies, live: Live, asked: Any
) -> None:
    proxies["network"].inject(Rule(says(503, retry_after=90), "PUT", "quota"))
    with pytest.raises(TransientError) as raised:
        backend.write(asked, live)
    assert raised.value.retry_after == 90


@pytest.mark.parametrize(
    ("stuck", "failing"), [("compute", "network"), ("compute", "volume"), ("network", "volume")]
)
def test_what_cannot_be_put_back_is_in_doubt_and_driven_forward(
    direct: OpenStackBackend,
    backend: OpenStackBackend,
    proxies: CloudProxies,
    live: Live,
    asked: Any,
    stuck: str,
    failing: str,
) -> None:
    proxies[failing].inject(Rule(says(403, "Policy does not allow it"), "PUT", "quota"))
    proxies[stuck].inject(Rule(says(500), "PUT", "quota", first=2, times=None))
    with pytest.raises(TransientError) as raised:
        backend.write(asked, live)
    told = raised.value.facts["in_doubt"]
    assert told == dict.fromkeys(SERVICES, "old") | {stuck: "unknown"}
    assert stuck in raised.value.message.zh
    half = {**live.body["spec"], stuck: asked.body["spec"][stuck]}
    assert _held(direct, live) == half
    assert asked.key not in backend.effective([asked])
    proxies.forget()
    now = read(backend, live.key)
    assert now is not None
    backend.write(asked, now)
    assert _held(direct, live) == asked.body["spec"]
    assert [service for service, _ in proxies.writes] == [s for s in SERVICES if s != stuck]


def test_a_service_that_is_gone_for_good_is_in_doubt(
    direct: OpenStackBackend, backend: OpenStackBackend, proxies: CloudProxies, live: Live, asked: Any
) -> None:
    # The look before the write reads all three services; then this one is lost.
    proxies["volume"].inject(Rule(says(500), path="quota", first=2, times=None))
    with pytest.raises(TransientError, match="in doubt") as raised:
        backend.write(asked, live)
    assert raised.value.facts["in_doubt"] == {"compute": "old", "network": "old", "volume": "unknown"}
    assert _held(direct, live) == live.body["spec"]


def test_an_expired_token_is_renewed_once(
    direct: OpenStackBackend, backend: OpenStackBackend, proxies: CloudProxies, live: Live, asked: Any
) -> None:
    proxies["volume"].inject(Rule(says(401), "PUT", "quota"))
    proxies["identity"].forget()
    backend.write(asked, live)
    assert _held(direct, live) == asked.body["spec"]
    assert sum(seen.path.endswith("/auth/tokens") for seen in proxies["identity"].writes) == 1


def test_a_credential_that_is_not_accepted_is_a_refusal_that_changes_nothing(
    direct: OpenStackBackend, backend: OpenStackBackend, proxies: CloudProxies, live: Live, asked: Any
) -> None:
    proxies["volume"].inject(Rule(says(401), "PUT", "quota", times=2))
    with pytest.raises(RefusalError):
        backend.write(asked, live)
    assert _held(direct, live) == live.body["spec"]


def test_a_new_leaf_goes_back_to_the_services_own_figures(
    direct: OpenStackBackend, backend: OpenStackBackend, proxies: CloudProxies, small: Objects
) -> None:
    write(direct, small.namespace)
    fresh = read(direct, small.quota.key)
    assert fresh is not None
    proxies["volume"].inject(Rule(says(403, "Policy does not allow it"), "PUT", "quota"))
    sent = change(small.quota, None)
    with pytest.raises(RefusalError):
        backend.write(sent, None)
    assert _held(direct, fresh) == fresh.body["spec"]
    backend.write(sent, None)
    assert _held(direct, fresh) == small.quota.body["spec"]
