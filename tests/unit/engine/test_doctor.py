"""What is said of endpoints that are not as they should be. The healthy ones are tested on real services."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from yunjin.engine import doctor
from yunjin.engine.credentials import Desk
from yunjin.engine.endpoints import connect
from yunjin.model.centre import Endpoint
from yunjin.model.change import Severity
from yunjin.model.credential import Health
from yunjin.store import Credential, Store
from yunjin.store.leases import Holder

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from spines import City


def _cloud(**more: Any) -> Endpoint:
    fields = {"id": "os-egov", "zh": "云", "en": "cloud", "technology": "openstack", "state": "live"}
    return Endpoint.model_validate({**fields, "access": "simulated", **more})


def test_simulated_endpoints_have_nothing_to_complain_of(town: City) -> None:
    with town.spine() as spine:
        (examined,) = doctor.examine(Desk(spine.estate, spine.endpoints, spine.store), probe=True)
        assert (examined.endpoint.id, examined.state, examined.complaints) == ("k8s", "simulated", ())
        assert examined.measured is None
        assert spine.store.credentials.of("jtj") == ()


def test_who_does_not_answer_is_told_from_who_refuses(declared: City, tmp_path: Path) -> None:
    deaf = tmp_path / "deaf.kubeconfig"
    deaf.write_text(
        "apiVersion: v1\nkind: Config\ncurrent-context: c\n"
        'clusters: [{name: c, cluster: {server: "https://127.0.0.1:9"}}]\n'
        "users: [{name: c, user: {token: none}}]\ncontexts: [{name: c, context: {cluster: c, user: c}}]\n",
        "utf-8",
    )
    estate = declared.estate()
    with (
        Store.open(declared.state) as store,
        connect(estate, declared.state, {"k8s": f"file:{deaf}"}) as endpoints,
    ):
        (examined,) = doctor.examine(Desk(estate, endpoints, store), probe=False)
    assert examined.state == "unreachable"
    assert [complaint.severity for complaint in examined.complaints] == [Severity.ERROR]


def test_credentials_whose_time_is_over_are_told(town: City) -> None:
    with town.spine() as spine:
        now = spine.store.now()
        over = (now - timedelta(days=2), now - timedelta(days=1))
        spine.store.credentials.record(
            Credential("ab12", "jtj", "viewer", "厂商", (("k8s", "jtj-egov"),), *over)
        )
        (examined,) = doctor.examine(Desk(spine.estate, spine.endpoints, spine.store), probe=False)
    (complaint,) = examined.complaints
    assert complaint.severity is Severity.WARNING
    assert "ab12" in complaint.message.en
    assert "--ended" in complaint.remedy.zh


def test_a_service_that_is_missing_is_an_error() -> None:
    (complaint,) = doctor._of_health("os-egov", Health(missing=("Cinder",), ahead=timedelta()))
    assert complaint.severity is Severity.ERROR
    assert complaint.message.zh == "接入点 os-egov 的服务目录中没有 Cinder"


@pytest.mark.parametrize(
    ("seconds", "zh"), [(60, "比本机快至少 60 秒"), (-60, "比本机慢至少 60 秒"), (2, ""), (-2, ""), (0, "")]
)
def test_clocks_that_differ_more_than_leases_bear_are_told(seconds: int, zh: str) -> None:
    complaints = doctor._of_health("os-egov", Health(ahead=timedelta(seconds=seconds)))
    assert [zh in complaint.message.zh for complaint in complaints] == ([True] if zh else [])


@pytest.mark.parametrize(
    ("declared", "lingering", "told"),
    [({}, 300, "(their default)"), ({"token_cache_seconds": 61}, 61, "for 61 s"), ({}, 60, "")],
)
def test_a_memory_longer_than_a_minute_is_a_warning(
    declared: dict[str, int], lingering: float, told: str
) -> None:
    complaints = doctor._of_memory(_cloud(**declared), lingering)
    assert [told in complaint.message.en for complaint in complaints] == ([True] if told else [])


@pytest.mark.parametrize(
    ("measured", "severity"),
    [
        ({"Keystone": 0.1, "Nova": 30.5}, []),
        ({"Keystone": 0.1, "Nova": None}, [Severity.ERROR]),
        ({"Keystone": 0.1, "Nova": 50.0}, [Severity.WARNING]),
        ({}, []),
    ],
)
def test_what_was_measured_is_held_against_what_is_declared(
    measured: Mapping[str, float | None], severity: list[Severity]
) -> None:
    complaints = doctor._of_measure(_cloud(token_cache_seconds=30), 30, measured)
    assert [complaint.severity for complaint in complaints] == severity


def test_a_lease_names_host_and_process_of_its_holder() -> None:
    mine = Holder.mine()
    assert doctor.holder_name(str(mine)) == mine.name
    assert doctor.holder_name("somebody") == "somebody"
