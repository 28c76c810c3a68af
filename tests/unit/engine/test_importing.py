"""Taking over a namespace that stood before: what is declared of it, what is refused, and how it lives on."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

import estates
from spines import DAY, ENDPOINT, POOL, QUICK, City, home, key, under_way
from takings import HARD, KNOWN, LEGACY, stand, take
from yunjin.engine import drift, importing, standing
from yunjin.engine.endpoints import Endpoints
from yunjin.engine.spine import Spine
from yunjin.errors import ShortageError, UsageError
from yunjin.ledger import GrantTerms, books
from yunjin.model.amounts import Amounts
from yunjin.model.change import Binding, Outcome
from yunjin.model.resources import ObjectClass
from yunjin.substrates.simulated.backend import SimulatedBackend
from yunjin.substrates.simulated.faults import Effect, Faults, Operation, Rule
from yunjin_policies import RULES

if TYPE_CHECKING:
    from pathlib import Path

    from yunjin.model.tenants import Tenant

OLD = key("ResourceQuota", "compute", LEGACY)


def _tenant(city: City, tenant: str = "bus") -> Tenant:
    return city.estate().tenants[tenant]


@pytest.fixture(autouse=True)
def _legacy(town: City) -> None:
    stand(town, LEGACY, HARD)


def test_what_is_declared_is_what_stands(town: City) -> None:
    taken = take(town)
    figures = Amounts.parse({"cpu": 2, "memory": "4Gi"})
    assert (taken.tenant, taken.leaf.name, taken.quarantined) == ("bus", LEGACY, False)
    assert (taken.leaf.objects, taken.leaf.allotted) == ({"quota": "compute"}, figures)
    estate = town.estate()
    row = estate.baseline[f"leaf/k8s/{LEGACY} {POOL}"]
    assert (row.tenant, row.allotted) == ("bus", figures)
    assert estate.limit("tenant/bus", POOL) == figures
    tenant = estate.tenants["bus"]
    assert (tenant.owner, tenant.kind, tenant.name(DAY).zh) == ("bureau/jtj", "institution", "市公交公司")
    assert {contact.role: contact.post for contact in tenant.contacts} == {
        "technical": "信息科科长",
        "business": "办公室主任",
    }


def test_what_it_lacks_is_listed_with_date_and_reason(town: City) -> None:
    taken = take(town)
    roles = ("limits", "network-deny", "network-base", "network-flows", "role-admin", "role-viewer")
    assert taken.leaf.lacking == roles
    (imported,) = _tenant(town).imported
    assert [(w.object, w.since, w.reason) for w in imported.without] == [
        (role, DAY, importing.REASON) for role in roles
    ]
    assert imported.objects == {"quota": "compute"}


def test_the_plan_is_empty_afterwards(town: City) -> None:
    before = town.standing(home(LEGACY)), town.standing(OLD)
    take(town)
    with town.spine() as spine:
        judged = spine.plan()
        assert judged.plan.changes == ()
        assert drift.seen(spine, spine.split()) == ()
    town.apply()
    assert (town.standing(home(LEGACY)), town.standing(OLD)) == before


def test_the_first_change_takes_the_fields_over_and_completes_the_labels(town: City) -> None:
    take(town)
    town.allot(LEGACY, cpu=1)
    (receipt,) = town.apply()
    assert (receipt.change.key, receipt.outcome) == (OLD, Outcome.DONE)
    body = town.standing(OLD)
    assert body is not None
    assert body["spec"]["hard"]["requests.cpu"] == "1"
    assert body["spec"]["hard"]["count/services"] == "5"
    assert body["metadata"]["labels"]["yunjin/tenant"] == "bus"
    assert "requests.cpu" in str(_owned(body, "yunjin"))
    assert "requests.cpu" not in str(_owned(body, "terraform"))
    with town.spine() as spine:
        assert spine.plan().plan.changes == ()


def _owned(body: dict[str, Any], manager: str) -> list[Any]:
    return [entry["fieldsV1"] for entry in body["metadata"]["managedFields"] if entry["manager"] == manager]


def test_somebody_elses_change_after_the_import_is_drift(town: City) -> None:
    take(town)
    town.people.edit(OLD, {("spec", "hard", "requests.cpu"): "6"}, "terraform")
    with town.spine() as spine:
        (each,) = drift.seen(spine, spine.split())
        judged = spine.plan()
    assert (each.item.key, each.item.observed, each.item.manager) == (OLD, "6", "terraform")
    assert (judged.plan.changes, judged.left) == ((), 1)


def test_what_others_made_is_drift_once_objects_of_its_class_are_yunjins(town: City) -> None:
    body = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "allow-all", "namespace": LEGACY},
        "spec": {"podSelector": {}, "policyTypes": ["Ingress"]},
    }
    theirs = town.people.create_foreign(body, "terraform")
    take(town)
    with town.spine() as spine:
        parted = spine.split()
        assert [extra.key for extra in parted.plan.extras] == [theirs]
        assert drift.seen(spine, parted) == ()
    file = town.tenants / "bus.yaml"
    said = re.sub(r" +- object: network-base\n +since: .*\n +reason: .*\n", "", file.read_text("utf-8"))
    file.write_text(said, "utf-8")
    town.apply()
    with town.spine() as spine:
        (each,) = drift.seen(spine, spine.split())
    assert (each.item.key, each.item.kind.value, each.policy) == (theirs, "extra", "report")


def test_an_imported_object_that_is_deleted_is_missing(town: City) -> None:
    take(town)
    town.people.remove(OLD)
    with town.spine() as spine:
        (each,) = drift.seen(spine, spine.split())
    assert (each.item.key, each.item.kind.value) == (OLD, "missing")


def test_a_namespace_without_a_quota_gets_none_by_being_imported(town: City) -> None:
    stand(town, "bare")
    taken = take(town, "bare")
    assert (taken.leaf.objects, taken.leaf.allotted) == ({}, Amounts())
    assert "quota" in taken.leaf.lacking
    with town.spine() as spine:
        assert spine.plan().plan.changes == ()


@pytest.mark.parametrize(
    ("owner", "lacks"),
    [
        ({"node": None}, "尚缺所属部门"),
        ({"technical": None}, "尚缺技术联系人"),
        ({"business": None}, "尚缺业务联系人"),
        ({"node": None, "technical": None, "business": None}, "尚缺所属部门、技术联系人、业务联系人"),
    ],
)
def test_what_nobody_knows_means_quarantine(town: City, owner: dict[str, None], lacks: str) -> None:
    taken = take(town, owner=_owner(**owner))
    assert taken.quarantined
    quarantine = _tenant(town).quarantine
    assert quarantine is not None
    assert (quarantine.since, quarantine.reason) == (DAY, lacks)


def _owner(**fields: Any) -> importing.Owner:
    return replace(KNOWN, **fields)


def test_a_paper_is_kept_and_without_one_the_namespace_alone_is_in_quarantine(town: City) -> None:
    stand(town, "legacy-second", {"requests.cpu": "1"})
    assert not take(town).quarantined
    (imported,) = _tenant(town).imported
    assert imported.paper is not None
    assert imported.paper.doc == KNOWN.paper

    assert take(town, "legacy-second", "jtj", _owner(paper=None)).quarantined
    assert _tenant(town, "jtj").quarantine is None
    frozen = {leaf.name for leaf in town.estate().leaves(DAY) if leaf.frozen}
    assert frozen == {"legacy-second"}
    town.allot("legacy-second", cpu=0)
    town.allot("jtj-egov", cpu=2)
    assert [receipt.change.leaf for receipt in town.apply()] == ["jtj-egov"]

    file = town.tenants / "jtj.yaml"
    found = re.sub(
        r"( +)since: .*\n", r"\g<0>\1paper: {doc: 盘政务云〔2026〕30号}\n", file.read_text("utf-8"), count=1
    )
    file.write_text(found, "utf-8")
    assert [receipt.change.leaf for receipt in town.apply()] == ["legacy-second"]


def test_a_namespace_in_quarantine_is_counted_and_never_changed(town: City) -> None:
    take(town, owner=_owner(node=None))
    before = town.standing(home(LEGACY)), town.standing(OLD)
    town.allot(LEGACY, cpu=1)
    town.people.edit(OLD, {("spec", "hard", "requests.memory"): "1Gi"}, "terraform")
    changed = town.standing(OLD)
    with town.spine() as spine:
        judged = spine.plan()
        parted = spine.split()
        assert (judged.plan.changes, parted.drifted, parted.waiting) == ((), (), ())
        assert judged.plan.leaves == 4
        put = drift.put_right(spine, parted, frozenset(ObjectClass))
        assert spine.apply(put, QUICK, "cloud-ops", lambda _: None) == ()
    assert (town.standing(home(LEGACY)), town.standing(OLD)) == (before[0], changed)


def test_a_known_tenant_gets_a_second_namespace(town: City) -> None:
    stand(town, "legacy-second", {"requests.cpu": "1"})
    file = town.tenants / "jtj.yaml"
    file.write_text("# 交通局\n" + file.read_text("utf-8"), "utf-8")
    limit = town.estate().limit("tenant/jtj", POOL)
    taken = take(town, "legacy-second", "jtj")
    estate = town.estate()
    assert (taken.tenant, taken.quarantined) == ("jtj", False)
    assert estate.limit("tenant/jtj", POOL) == limit  # it carries one more as it is
    assert {leaf.name for leaf in estate.leaves(DAY) if leaf.tenant == "jtj"} == {"jtj-egov", "legacy-second"}
    assert file.read_text("utf-8").startswith("# 交通局\n")
    with town.spine() as spine:
        assert spine.plan().plan.changes == ()


def test_its_figures_enter_the_ledger_as_a_grant_and_a_reservation(town: City) -> None:
    take(town)
    assert town.share(LEGACY).target == Amounts.parse({"cpu": 2, "memory": "4Gi"})
    with town.store() as store:
        found = books.read(store.database, (books.GRANTS,)).grants
    (grant,) = [grant for grant in found if grant.node == "tenant/bus"]
    assert grant.limit[POOL] == Amounts.parse({"cpu": 2, "memory": "4Gi"})
    assert under_way(town) == {f"leaf/k8s/{LEGACY}"}
    town.apply()  # which sees that it is in force
    assert under_way(town) == frozenset()


def test_a_quarantined_namespace_is_charged_too(town: City) -> None:
    take(town, owner=_owner(node=None))
    assert town.share(LEGACY).charged.of("cpu") == 2000
    town.apply()
    assert under_way(town) == frozenset()


def test_what_a_known_tenant_lacks_for_it_is_granted(town: City) -> None:
    stand(town, "legacy-second", {"requests.cpu": "3"})
    town.allot(cpu=6)
    with town.ledger() as ledger:
        more = Amounts.parse({"cpu": 1})
        ledger.grant(GrantTerms("", "bureau/jtj", more, {POOL: more}, DAY), DAY)
    take(town, "legacy-second", "jtj")
    with town.store() as store:
        found = books.read(store.database, (books.GRANTS,)).grants
    (grant,) = [grant for grant in found if grant.number == "import/k8s/legacy-second"]
    assert grant.limit[POOL] == Amounts.parse({"cpu": 1})


def test_what_does_not_fit_is_refused_and_nothing_is_changed(town: City) -> None:
    stand(town, "large", {"requests.cpu": "9"})
    before = _files(town)
    with pytest.raises(ShortageError) as caught:
        take(town, "large")
    assert caught.value.facts["node"] == "bureau/jtj"
    assert _files(town) == before
    with pytest.raises(KeyError):
        town.share("large")


def test_before_the_opening_the_files_alone_say_it(tmp_path: Path) -> None:
    fresh = City(tmp_path / "fresh")
    stand(fresh, LEGACY, HARD)
    take(fresh)
    with pytest.raises(KeyError):
        fresh.share(LEGACY)
    fresh.apply()
    assert fresh.share(LEGACY).target.of("cpu") == 2000
    fresh.close()


def test_the_proof_reads_the_namespace_alone(town: City) -> None:
    estate = town.estate()
    seen = SimulatedBackend.open(
        ENDPOINT, town.state / "simulated" / "k8s.db", watch_names=frozenset({LEGACY})
    )
    state = standing.find(seen, LEGACY, estate.leaf_word(ENDPOINT))
    taken = importing.take(town.tenants, estate, estate.pools[POOL], state, KNOWN, DAY)
    blind = Faults((Rule(operation=Operation.OBSERVE, effect=Effect.UNREACHABLE),))
    backend = SimulatedBackend.open(ENDPOINT, town.state / "simulated" / "k8s.db", blind)
    with town.store() as store, Endpoints({ENDPOINT: backend}, {ENDPOINT: _SIMULATED}) as endpoints:
        spine = Spine(importing.save(taken, store, DAY, "cloud-ops"), DAY, endpoints, store, RULES)
        assert importing.prove(spine, taken, "cloud-ops") == ()
        town.people.edit(OLD, {("spec", "hard", "requests.cpu"): "6"}, "terraform")
        assert [change.key for change in importing.prove(spine, taken, "cloud-ops")] == [OLD]
    seen.close()


def _files(city: City) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in city.tenants.rglob("*.yaml")}


_SIMULATED = Binding(technology="kubernetes", access="simulated", observed_at=None)


def test_what_was_yunjins_and_lost_its_declaration_is_taken_back_whole(town: City) -> None:
    lost = _forget(town)
    taken = take(lost, "jtj-egov", "jtj", _owner(node="bureau/jtj", kind="bureau"))
    assert (taken.leaf.lacking, taken.leaf.objects) == ((), {})
    with lost.spine() as spine:
        assert spine.plan().plan.changes == ()
    lost.close()


def test_what_was_yunjins_and_another_tenants_is_not_declared_as_it_stands(town: City) -> None:
    lost = _forget(town)
    before = _files(lost)
    with pytest.raises(UsageError, match=r"was Yunjin's and is not as given here: .*ResourceQuota yunjin"):
        take(lost, "jtj-egov", "bus")
    assert _files(lost) == before
    lost.close()


def _forget(city: City) -> City:
    """The same endpoint, of which the files and a new state no longer know the namespace jtj-egov."""
    folder = city.state.parent / "lost"
    shutil.copytree(city.state / "simulated", folder / "state" / "simulated")
    given = estates.city()
    rows = [row for row in given["baseline"] if row["node"] not in ("leaf/k8s/jtj-egov", "tenant/jtj")]
    tenants = [each for each in given["tenants"] if each["id"] != "jtj"]
    return City(folder, tenants=tenants, baseline=rows)
