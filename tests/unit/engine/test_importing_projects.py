"""Taking over a project of a cloud that stood before; what holds everywhere stands in `test_importing`."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from spines import QUICK, City, policies, under_way
from takings import CLOUD, CLOUD_POOL, KNOWN, beside_a_cloud, take
from yunjin.engine import drift
from yunjin.errors import UsageError
from yunjin.ledger import books
from yunjin.model.amounts import Amounts
from yunjin.model.change import Outcome
from yunjin.model.resources import Key, ObjectClass
from yunjin.substrates.simulated.cloud import SimulatedCloud

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from yunjin.engine.importing import Taken

LEGACY = "legacy-hospital"
OWN = {
    "node": f"leaf/{CLOUD}/jtj-egov",
    "pool": CLOUD_POOL,
    "tenant": "jtj",
    "allotted": {"cpu": 4, "memory": "8Gi"},
}
FIGURES = {
    ("compute", "cores"): 6,
    ("compute", "ram"): 12288,
    ("network", "port"): 40,
    ("network", "floatingip"): 2,
    ("volume", "volumes"): 8,
    ("volume", "gigabytes"): 300,
}
ALLOTTED = Amounts.parse(
    {"cpu": 6, "memory": "12Gi", "ports": 36, "floating-ips": 2, "volumes": 8, "storage": "300Gi"}
)


class Cloud:
    """What administrators and tenants of the cloud do to one project of it."""

    def __init__(self, city: City) -> None:
        self._file = city.state / "simulated" / f"{CLOUD}.db"
        self.backend = SimulatedCloud.open(CLOUD, self._file)

    def stand(self, name: str = LEGACY, **tags: str) -> None:
        """A project with a network, made long ago with other tools."""
        marks = {f"yunjin:{mark}": value for mark, value in tags.items()}
        self._make("Project", {"enabled": True, "tags": marks}, name)
        self._make("Network", {"admin_state_up": True, "shared": False}, "wire", name)
        self.bound(FIGURES, name)

    def bound(self, figures: dict[tuple[str, str], int], name: str = LEGACY) -> None:
        """Write figures of its quota."""
        self.backend.edit(quota(name), {("spec", *path): value for path, value in figures.items()})

    def standing(self, name: str = LEGACY) -> dict[str, Any]:
        """All that it holds, by kind and name."""
        watching = SimulatedCloud.open(CLOUD, self._file, watch_names=frozenset({name}))
        found = {state.name: state.objects for state in watching.observe()}[name]
        watching.close()
        return {f"{kind}/{item}": live.body for (kind, item), live in found.items()}

    def _make(self, kind: str, spec: dict[str, Any], name: str, leaf: str = "") -> None:
        metadata = {"name": name, "namespace": leaf} if leaf else {"name": name}
        self.backend.create_foreign({"kind": kind, "metadata": metadata, "spec": spec})


def quota(name: str = LEGACY) -> Key:
    """Of a project."""
    return Key(CLOUD, name, "Quota", "yunjin")


@pytest.fixture(scope="session")
def beside(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A city with a project beside its namespaces, applied once for all tests, which take copies."""
    folder = tmp_path_factory.mktemp("beside")
    limit = {"node": "tenant/jtj", "pool": CLOUD_POOL, "limit": OWN["allotted"]}
    city = City(folder, **beside_a_cloud(limit, OWN))
    assert all(receipt.settled for receipt in city.apply())
    city.close()
    return folder


@pytest.fixture
def town(beside: Path, tmp_path: Path) -> Iterator[City]:
    shutil.copytree(beside, tmp_path, dirs_exist_ok=True)
    found = City.at(tmp_path)
    yield found
    found.close()


@pytest.fixture
def cloud(town: City) -> Iterator[Cloud]:
    found = Cloud(town)
    found.stand()
    yield found
    found.backend.close()


def _take(city: City, name: str = LEGACY, tenant: str = "bus", **said: Any) -> Taken:
    return take(city, name, tenant, replace(KNOWN, **said), CLOUD_POOL)


def test_what_is_declared_is_what_stands(town: City, cloud: Cloud) -> None:
    before = cloud.standing()
    taken = _take(town)
    assert (taken.leaf.what.zh, taken.leaf.allotted, taken.quarantined) == ("项目", ALLOTTED, False)
    estate = town.estate()
    assert estate.baseline[f"leaf/{CLOUD}/{LEGACY} {CLOUD_POOL}"].allotted == ALLOTTED
    assert estate.limit("tenant/bus", CLOUD_POOL) == ALLOTTED
    (imported,) = estate.tenants["bus"].imported
    assert imported.objects == {}
    assert [each.object for each in imported.without] == [
        "limits", "network-base", "network-flows", "role-admin", "role-viewer",
    ]  # fmt: skip
    with town.spine() as spine:
        judged = spine.plan()
        assert (judged.plan.changes, drift.seen(spine, spine.split())) == ((), ())
        assert {f"{extra.key.kind}/{extra.key.name}" for extra in judged.plan.extras} == {
            "Network/wire",
            "SecurityGroup/default",
        }
    assert town.apply() == ()
    assert cloud.standing() == before


def test_its_figures_enter_the_ledger(town: City, cloud: Cloud) -> None:
    _take(town)
    with town.store() as store:
        (grant,) = [each for each in books.read(store.database, (books.GRANTS,)).grants if "bus" in each.node]
    assert grant.limit[CLOUD_POOL] == ALLOTTED
    assert under_way(town) == {f"leaf/{CLOUD}/{LEGACY}"}
    town.apply()
    assert under_way(town) == frozenset()


def test_the_first_change_takes_its_quota_over(town: City, cloud: Cloud) -> None:
    _take(town)
    before = cloud.standing()
    with town.ledger() as ledger:
        ledger.allot(f"leaf/{CLOUD}/{LEGACY}", Amounts({**ALLOTTED, "cpu": 3000}))
    (receipt,) = town.apply()
    assert (receipt.change.key, receipt.outcome) == (quota(), Outcome.DONE)
    after = cloud.standing()
    spec = after.pop("Quota/yunjin")["spec"]
    assert spec["compute"] == {"cores": 3, "instances": 3, "ram": 12288}
    assert (spec["volume"]["snapshots"], spec["network"]["port"]) == (8, 40)
    before.pop("Quota/yunjin")
    assert after == before  # nothing else of it
    with town.spine() as spine:
        assert spine.plan().plan.changes == ()


def test_somebody_elses_change_after_the_import_is_drift(town: City, cloud: Cloud) -> None:
    _take(town)
    cloud.bound({("compute", "cores"): 9})
    with town.spine() as spine:
        (each,) = drift.seen(spine, spine.split())
        judged = spine.plan()
    assert (each.item.key, each.item.path, each.item.wanted, each.item.observed) == (
        quota(), "compute.cores", 6, 9,
    )  # fmt: skip
    assert (judged.plan.changes, judged.left) == ((), 1)


def test_drift_of_a_project_of_yunjins_own_is_left_to_its_policy_too(town: City, cloud: Cloud) -> None:
    cloud.bound({("compute", "cores"): 9}, "jtj-egov")
    with town.spine() as spine:
        (each,) = drift.seen(spine, spine.split())
        judged = spine.plan()
    assert (each.item.key, each.policy) == (quota("jtj-egov"), "report")
    assert (judged.plan.changes, judged.left) == ((), 1)
    town.write(policies=policies(quota="repair"))
    (receipt,) = town.apply()
    assert (receipt.change.key, receipt.outcome) == (quota("jtj-egov"), Outcome.DONE)


def test_a_role_that_it_no_longer_goes_without_is_yunjins_from_then_on(town: City, cloud: Cloud) -> None:
    _take(town)
    before = cloud.standing()
    _declare(town, "network-flows")
    (receipt,) = town.apply()
    assert receipt.change.key == Key(CLOUD, LEGACY, "SecurityGroup", "default")
    after = cloud.standing()
    assert after["SecurityGroup/default"]["spec"] != before["SecurityGroup/default"]["spec"]
    assert {name for name in after if after[name]["spec"] != before[name]["spec"]} == {
        "SecurityGroup/default"
    }
    with town.spine() as spine:
        (theirs,) = drift.seen(spine, spine.split())  # what belongs to its network is looked at now
        assert (theirs.item.key.kind, theirs.policy) == ("Network", "report")
        assert spine.plan().plan.changes == ()


def test_one_that_goes_without_nothing_is_marked_and_wholly_yunjins(town: City, cloud: Cloud) -> None:
    _take(town)
    _declare(town, "limits", "network-base", "network-flows", "role-admin", "role-viewer")
    town.apply()
    standing = cloud.standing()
    assert standing[f"Project/{LEGACY}"]["spec"]["tags"]["yunjin:tenant"] == "bus"
    assert {"Network/yunjin", "Router/yunjin", "PoolBinding/yunjin", f"Group/{LEGACY}-admin"} <= set(standing)
    with town.spine() as spine:
        found = drift.seen(spine, spine.split())
        quotas = {each.item.path: (each.item.wanted, each.item.observed) for each in found if each.item.path}
        assert quotas["compute.instances"] == (6, 10)  # what nobody declared before is told of, and is left
        put = drift.put_right(spine, spine.split(), frozenset(ObjectClass))
        spine.apply(put, QUICK, "cloud-ops", lambda _: None)
    with town.spine() as spine:
        (theirs,) = drift.seen(spine, spine.split())
        assert (theirs.item.key.kind, theirs.item.key.name) == ("Network", "wire")
        assert spine.plan().plan.changes == ()


def _declare(city: City, *roles: str) -> None:
    """Take roles out of what it goes without."""
    file = city.tenants / "bus.yaml"
    text = file.read_text("utf-8")
    for role in roles:
        text = re.sub(rf" +- object: {role}\n +since: .*\n +reason: .*\n", "", text)
    file.write_text(re.sub(r" +without:\n(?! +- object)", "", text), "utf-8")


def test_without_a_paper_it_is_counted_and_never_changed(town: City, cloud: Cloud) -> None:
    assert _take(town, paper=None).quarantined
    before = cloud.standing()
    assert town.estate().tenants["bus"].quarantine is None
    with town.ledger() as ledger:
        ledger.allot(f"leaf/{CLOUD}/{LEGACY}", Amounts({**ALLOTTED, "cpu": 3000}))
    assert town.apply() == ()
    assert cloud.standing() == before
    with town.spine() as spine:
        share = next(leaf for leaf in spine.leaves() if leaf.name == LEGACY)
    assert share.charged.of("cpu") == 6000


def test_a_project_in_a_known_tenant_is_counted_beside_its_own(town: City, cloud: Cloud) -> None:
    _take(town, tenant="jtj")
    estate = town.estate()
    assert estate.limit("tenant/jtj", CLOUD_POOL) == ALLOTTED + Amounts.parse({"cpu": 4, "memory": "8Gi"})
    with town.spine() as spine:
        assert spine.plan().plan.changes == ()


def test_figures_without_a_bound_are_named_with_how_to_bound_them(town: City, cloud: Cloud) -> None:
    cloud.bound({("compute", "cores"): -1, ("network", "port"): -1, ("volume", "gigabytes"): -1})
    before = _files(town)
    with pytest.raises(UsageError) as caught:
        _take(town)
    assert caught.value.message.zh == f"项目 {LEGACY} 的处理器、网络端口、存储没有上限, 不能按现状登记"
    assert caught.value.remedy is not None
    assert caught.value.remedy.zh.endswith(f"openstack quota set --cores N --ports N --gigabytes N {LEGACY}")
    assert _files(town) == before
    cloud.bound(FIGURES)
    assert _take(town).leaf.allotted == ALLOTTED


def test_figures_that_are_not_whole_are_named_with_how_to_mend_them(town: City, cloud: Cloud) -> None:
    cloud.bound({("compute", "ram"): 12000})
    with pytest.raises(UsageError) as caught:
        _take(town)
    assert caught.value.message.zh == (
        f"项目 {LEGACY} 的配额不是整核、整 GiB, 不能按现状登记: 内存 12,000 MiB"
    )
    assert caught.value.remedy is not None
    assert caught.value.remedy.en.endswith(f"openstack quota set --ram N {LEGACY}")


@pytest.mark.parametrize("name", ["HIS_Prod", "医院", "a" * 64, "his-"])
def test_a_name_that_no_leaf_can_have_is_to_be_changed_first(town: City, cloud: Cloud, name: str) -> None:
    cloud.stand(name)
    with pytest.raises(UsageError) as caught:
        _take(town, name)
    assert caught.value.message.zh == f"项目名 {name} 不合规则"
    assert caught.value.remedy is not None
    assert "63" in caught.value.remedy.zh


def test_a_project_that_is_not_there_is_refused(town: City) -> None:
    with pytest.raises(UsageError, match="os has no project nowhere"):
        _take(town, "nowhere")


def test_a_project_of_another_endpoint_is_refused(town: City, cloud: Cloud) -> None:
    cloud.stand("elsewhere", endpoint="os-inet")
    with pytest.raises(UsageError, match="the project elsewhere belongs to endpoint os-inet"):
        _take(town, "elsewhere")


def test_a_project_that_is_going_is_refused(town: City, cloud: Cloud) -> None:
    cloud.stand("leaving", endpoint=CLOUD, ending="true")
    with pytest.raises(UsageError, match="being removed"):
        _take(town, "leaving")


def test_what_is_declared_already_is_refused(town: City) -> None:
    with pytest.raises(UsageError, match="declared already"):
        _take(town, "jtj-egov", "jtj")


def test_what_was_yunjins_and_lost_its_declaration_is_taken_back_whole(
    town: City, cloud: Cloud, tmp_path: Path
) -> None:
    lost = City(tmp_path / "lost", **beside_a_cloud())
    shutil.copytree(town.state / "simulated", lost.state / "simulated", dirs_exist_ok=True)
    with pytest.raises(UsageError, match=r"was Yunjin's and is not as given here: .*Project jtj-egov"):
        _take(lost, "jtj-egov", "dawa")
    taken = _take(lost, "jtj-egov", "jtj")
    assert taken.leaf.lacking == ()
    with lost.spine() as spine:
        assert [change for change in spine.plan().plan.changes if change.key.endpoint == CLOUD] == []
    lost.close()


def _files(city: City) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in city.tenants.rglob("*.yaml")}
