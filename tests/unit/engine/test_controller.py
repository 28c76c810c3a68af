"""The controller: what it puts right, what it only tells, what it survives, and how it ends."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from estates import city as city_data
from estates import tenant
from spines import ADMIN, CPU, DAY, DENY, LEAF, QUICK, QUOTA, City, home, key, policies, under_way
from stations import Station
from waiting import wait_until
from yunjin.engine.controller import Sweep
from yunjin.engine.reorganisation import Reorganiser
from yunjin.engine.reorganised import Change
from yunjin.errors import ConflictError, RefusalError
from yunjin.model.change import Outcome
from yunjin.store import Credential
from yunjin.substrates.simulated.faults import Effect, Faults, Operation, Rule
from yunjin_policies import RULES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clocks import Clock
    from yunjin.engine.spine import Spine
    from yunjin.model.estate import Estate


A_DAY = 86_400


def _policies(seconds: dict[str, int] | None = None, **drift: str) -> list[dict[str, Any]]:
    names = {"zh": "时限", "en": "time limit", "unit": "s"}
    return [
        *policies(**drift),
        *({"id": item, "value": value, **names} for item, value in (seconds or {}).items()),
    ]


def test_a_sweep_repairs_and_reports_by_policy(town: City) -> None:
    town.people.remove(DENY)
    town.people.edit(ADMIN, {("subjects",): []})
    town.people.edit(QUOTA, {CPU: "6"})
    station = Station(town)
    assert station.sweep() == Sweep(drifted=3, repaired=2)
    assert town.standing(DENY) is not None
    assert (town.standing(ADMIN) or {})["subjects"]
    assert town.cpu() == "6"
    found = {
        (object_class, policy): station.figure(
            "yunjin_drift", endpoint="k8s", policy=policy, **{"class": object_class}
        )
        for object_class, policy in (("network", "repair"), ("roles", "repair"), ("quota", "report"))
    }
    assert set(found.values()) == {1}
    assert station.figure("yunjin_changes_total", outcome="done") == 2

    assert station.sweep() == Sweep(drifted=1)
    assert station.figure("yunjin_drift", endpoint="k8s", policy="repair", **{"class": "network"}) == 0


def test_what_was_declared_anew_waits_for_an_apply(town: City) -> None:
    town.allot(cpu=3)
    station = Station(town)
    assert station.sweep() == Sweep(waiting=1)
    assert town.cpu() == "4"
    assert station.figure("yunjin_changes_waiting", endpoint="k8s") == 1


def test_a_reorganisation_is_carried_out_on_its_day(town: City) -> None:
    """The sweep changes ledger and files, the next one sees labels that wait for an apply."""
    station = Station(town)
    with town.store() as store:
        office = Reorganiser(town.tenants, store, RULES, "tests")
        terms = {"from": ["bureau/jtj"], "into": "bureau/fgw", "bodies": ["bureau/jtj", "bureau/fgw"]}
        later = Change("merge", terms, (DAY + timedelta(days=1)).isoformat(), "document")
        office.record(office.plan(later, DAY), DAY)
    assert station.sweep() == Sweep()
    with capture_logs() as logs, station.opened(town.estate(), DAY + timedelta(days=1)) as spine:
        station.controller.sweep(spine)
    assert [line["changed"] for line in logs if line["event"] == "clocks"] == [("reorganisation/1",)]
    assert town.estate().tenants["jtj"].owner == "bureau/fgw"
    with station.opened(town.estate(), DAY + timedelta(days=1)) as spine:
        assert station.controller.sweep(spine).waiting == 8


def test_a_city_that_was_never_applied_is_left_alone(declared: City) -> None:
    assert Station(declared).sweep() == Sweep(waiting=28)
    assert declared.standing(home()) is None


def test_removals_are_never_its_doing(town: City) -> None:
    rows = city_data()["baseline"]
    town.write(baseline=[row for row in rows if row["node"] not in ("tenant/jtj", "leaf/k8s/jtj-egov")])
    station = Station(town)
    assert station.sweep().waiting > 0
    assert town.standing(home()) is not None


def test_rights_do_not_come_back_without_the_quota(town: City) -> None:
    """Its policy is to report: somebody took it away for a reason that must be heard first."""
    town.people.remove(home())
    ended = Station(town).sweep()
    assert (ended.drifted, ended.repaired) == (8, 0)
    town.write(policies=policies(namespace="repair", network="repair", roles="repair"))
    ended = Station(town).sweep()
    assert (ended.drifted, ended.repaired) == (8, 4)
    assert town.standing(DENY) is not None
    assert (town.standing(QUOTA), town.standing(ADMIN)) == (None, None)


def test_one_leaf_is_put_right_when_it_is_named(town: City) -> None:
    town.people.remove(DENY)
    town.people.remove(key("NetworkPolicy", "yunjin-deny", "fgw-egov"))
    station = Station(town)
    assert station.reconcile(LEAF) == Sweep(drifted=1, repaired=1)
    assert town.standing(DENY) is not None
    assert town.standing(key("NetworkPolicy", "yunjin-deny", "fgw-egov")) is None


def test_what_nobody_declares_is_not_looked_at(town: City) -> None:
    assert Station(town).reconcile("kube-system") == Sweep()


def test_an_error_in_what_is_declared_stops_all_writing(town: City) -> None:
    town.people.remove(DENY)
    town.write_tenant(tenant("jtj", "bureau", "bureau/jtj", contacts=[]))
    station = Station(town)
    with pytest.raises(RefusalError):
        station.sweep()
    assert town.standing(DENY) is None
    assert station.figure("yunjin_drift", endpoint="k8s", policy="repair", **{"class": "network"}) == 1
    with station:
        wait_until(lambda: station.sweeps("failed") == 1)


def test_a_sweep_tells_the_ledger_what_came_into_force_after_the_apply(town: City) -> None:
    town.people.freeze()
    town.allot(cpu=1)
    (receipt,) = town.apply()
    assert receipt.outcome is Outcome.PENDING
    station = Station(town)
    station.sweep()
    assert town.share().charged.of("cpu") == 4000

    town.people.thaw()
    station.sweep()
    assert town.share().charged.of("cpu") == 1000
    runs = _runs(town)
    station.sweep()
    assert _runs(town) == runs  # where nothing waits, nothing is taken, not even a lease


def test_a_sweep_writes_no_figure_that_nobody_applied(town: City) -> None:
    town.allot(cpu=3)
    runs = _runs(town)
    assert Station(town).sweep().waiting == 1
    assert (town.cpu(), under_way(town), _runs(town)) == ("4", frozenset({f"leaf/k8s/{LEAF}"}), runs)


def _runs(of: City) -> int:
    with of.store() as store:
        return len(store.journal.runs())


def test_an_endpoint_that_does_not_answer_makes_a_sweep_partial(town: City) -> None:
    town.people.remove(DENY)
    station = Station(
        town, faults=Faults((Rule(operation=Operation.OBSERVE, effect=Effect.UNREACHABLE, nth=(2,)),))
    )
    assert station.sweep().repaired == 1
    assert station.figure("yunjin_endpoint_up", endpoint="k8s") == 1
    assert station.figure("yunjin_drift", endpoint="k8s", policy="repair", **{"class": "network"}) == 1
    ended = station.sweep()
    assert (ended.unknown, ended.outcome) == (("k8s",), "partial")
    assert station.figure("yunjin_endpoint_up", endpoint="k8s") == 0
    # Unknown is not nothing: the figure of the last answer stays.
    assert station.figure("yunjin_drift", endpoint="k8s", policy="repair", **{"class": "network"}) == 1
    assert station.sweep().outcome == "complete"


def test_why_an_endpoint_is_unknown_is_told_once(town: City) -> None:
    silent = Faults((Rule(operation=Operation.OBSERVE, effect=Effect.UNREACHABLE, nth=(2, 3, 5)),))
    station = Station(town, faults=silent)
    with capture_logs() as told:
        outcomes = [station.sweep().outcome for _ in range(5)]
    assert outcomes == ["complete", "partial", "partial", "complete", "partial"]
    entries = [each for each in told if each["event"] == "endpoint unknown"]
    assert [(each["endpoint"], each["log_level"]) for each in entries] == [("k8s", "warning")] * 2
    assert all("k8s" in each["reason"] for each in entries)


def test_credentials_whose_time_is_over_are_tried_with_each_sweep_and_told_once(town: City) -> None:
    with town.store() as store:
        now = store.now()
        over = (now - timedelta(days=2), now - timedelta(days=1))
        store.credentials.record(Credential("ab12", "jtj", "viewer", "厂商", (("k8s", "jtj-egov"),), *over))
    station = Station(town)
    with capture_logs() as told:
        assert station.sweep() == station.sweep() == Sweep()
    (entry,) = [each for each in told if each["event"] == "credential holds on"]
    assert (entry["id"], entry["reason"]) == ("ab12", "k8s is not connected; ab12 still holds")
    with town.store() as store:
        assert [each.id for each in store.credentials.due()] == ["ab12"]


def test_a_repair_that_is_refused_is_told_and_tried_again(town: City) -> None:
    town.people.remove(DENY)
    refused = Rule(operation=Operation.WRITE, effect=Effect.REFUSED, nth=(1,))
    station = Station(town, faults=Faults((refused,)))
    with capture_logs() as lines:
        first = station.sweep()
    assert (first.repaired, first.unrepaired, first.outcome) == (0, 1, "partial")
    assert [line["object"] for line in lines if line["event"] == "not repaired"] == [str(DENY)]
    assert station.sweep() == Sweep(drifted=1, repaired=1)


def test_somebody_elses_lease_fails_a_sweep_and_the_next_succeeds(town: City) -> None:
    town.write(policies=_policies({"lock-timeout": 1}, network="repair"))
    town.people.remove(DENY)
    assert town.people.acquire("another state database", 600) is None
    station = Station(town, interval=0.2)
    with pytest.raises(ConflictError, match="another state database"):
        station.sweep()
    with station:
        wait_until(lambda: station.sweeps("failed") >= 1)
        assert town.standing(DENY) is None
        town.people.release("another state database")
        wait_until(lambda: town.standing(DENY) is not None)
        wait_until(lambda: station.sweeps("complete") >= 1)


def test_files_that_do_not_load_leave_the_last_good_ones_in_use(town: City) -> None:
    good = (town.tenants / "zones.yaml").read_bytes()
    with Station(town, interval=0.1) as station:
        wait_until(lambda: station.sweeps("complete") >= 1)
        (town.tenants / "zones.yaml").write_text("kind: zones\nitems: [{id: 1}]\n", "utf-8")
        wait_until(lambda: (station.figure("yunjin_declared_errors") or 0) > 0)
        town.people.remove(DENY)
        wait_until(lambda: town.standing(DENY) is not None)
        assert station.sweeps("failed") == 0
        (town.tenants / "zones.yaml").write_bytes(good)
        wait_until(lambda: station.figure("yunjin_declared_errors") == 0)


def test_a_policy_that_cannot_be_meant_leaves_the_last_good_ones_in_use(town: City) -> None:
    with Station(town, interval=0.1) as station:
        wait_until(lambda: station.sweeps("complete") >= 1)
        town.write(policies=policies(network="repiar"))
        wait_until(lambda: station.figure("yunjin_declared_errors") == 1)
        town.people.remove(DENY)
        wait_until(lambda: town.standing(DENY) is not None)


def test_files_that_never_loaded_are_waited_for(declared: City) -> None:
    good = (declared.tenants / "zones.yaml").read_bytes()
    (declared.tenants / "zones.yaml").write_text("kind: nothing\n", "utf-8")
    with capture_logs() as lines, Station(declared, interval=0.1) as station:
        wait_until(lambda: station.sweeps("failed") >= 1)
        (declared.tenants / "zones.yaml").write_bytes(good)
        wait_until(lambda: station.sweeps("complete") >= 1)
    assert "zones.yaml" in next(str(line["errors"]) for line in lines if "errors" in line)


def test_what_is_declared_anew_is_read_without_a_restart(town: City) -> None:
    with Station(town, interval=0.1) as station:
        wait_until(lambda: station.sweeps("complete") >= 1)
        town.allot(cpu=3)
        wait_until(lambda: station.figure("yunjin_changes_waiting", endpoint="k8s") == 1)
        town.apply()
        wait_until(lambda: station.figure("yunjin_changes_waiting", endpoint="k8s") == 0)
    assert town.cpu() == "3"


def test_a_new_day_is_a_new_business_date(town: City) -> None:
    now = [DAY]
    with Station(town, interval=0.1, today=lambda: now[0]) as station:
        wait_until(lambda: station.sweeps("complete") >= 1)
        now[0] += timedelta(days=1)
        wait_until(lambda: len(station.days) == 2)
    assert station.days == [DAY, DAY + timedelta(days=1)]


def test_an_error_of_the_program_ends_a_sweep_and_not_the_controller(town: City) -> None:
    failures = iter((RuntimeError("secret-value"),))

    class Failing(Station):
        @contextmanager
        def opened(self, estate: Estate, day: date) -> Iterator[Spine]:
            for failure in failures:
                raise failure
            with super().opened(estate, day) as spine:
                yield spine

    with capture_logs() as lines, Failing(town, interval=0.1) as station:
        wait_until(lambda: station.sweeps("complete") >= 1)
    assert station.sweeps("failed") == 1
    told = next(line for line in lines if line["event"] == "sweep")
    assert (told["error"], told["log_level"]) == ("internal error RuntimeError", "error")


def test_each_difference_is_logged_once(town: City, clock: Clock) -> None:
    station = Station(town)
    town.people.edit(QUOTA, {CPU: "6"}, "kubectl-patch")
    with capture_logs() as lines:
        station.sweep()
        clock.advance(60)
        station.sweep()
        town.people.edit(QUOTA, {CPU: "7"})
        clock.advance(60)
        station.sweep()
    told = [(line["object"], line["manager"], line["policy"]) for line in lines if line["event"] == "drift"]
    assert told == [(str(QUOTA), "kubectl-patch", "report"), (str(QUOTA), "kubectl-edit", "report")]


def test_the_journal_is_kept_for_as_long_as_the_city_says(town: City, clock: Clock) -> None:
    kept = {"id": "log.retention", "value": 30, "unit": "d", "zh": "留存", "en": "retention"}
    town.write(policies=[*policies(network="repair"), kept])
    for _ in range(2):
        town.people.remove(DENY)
        Station(town).sweep()
        clock.advance(1)
    with town.store() as store:
        whole = [run.counts for run in store.journal.runs()]
        clock.advance(29 * A_DAY)
        Station(town).sweep()
        assert [run.counts for run in store.journal.runs()] == whole
        clock.advance(A_DAY)
        Station(town).sweep()
        last, apply = store.journal.runs()
    assert last.counts == {"done": 1}
    assert apply.counts == {"done": whole[-1]["done"] - 1}


def test_a_stop_is_heard_while_nothing_happens(town: City) -> None:
    with Station(town) as station:
        wait_until(lambda: station.sweeps("complete") == 1)


def test_a_stop_is_heard_while_a_quota_is_waited_for(town: City) -> None:
    """It would be waited for two minutes. What was written stays, and the leases are given back."""
    town.write(policies=policies(quota="repair"))
    town.people.edit(QUOTA, {CPU: "6"})
    town.people.freeze()
    with Station(town):
        wait_until(lambda: town.cpu() == "4")
    assert town.people.acquire("the next", 1) is None
    with town.spine() as spine:
        assert spine.store.leases.held() == ()
        assert spine.store.journal.unfinished() == ()


def test_a_stop_is_heard_while_a_lease_is_waited_for(town: City) -> None:
    town.write(policies=_policies({"lock-timeout": 600}, network="repair"))
    town.people.remove(DENY)
    assert town.people.acquire("another state database", 3600) is None
    with Station(town) as station:
        wait_until(lambda: station.figure("yunjin_endpoint_up", endpoint="k8s") == 1)
    assert town.standing(DENY) is None


def test_two_controllers_never_do_the_same_twice(town: City) -> None:
    with Station(town, interval=0.05) as one, Station(town, interval=0.05) as other:
        for _ in range(8):
            town.people.remove(DENY)
            wait_until(lambda: town.standing(DENY) is not None)
        wait_until(lambda: _done(one) + _done(other) >= 8)
    assert _done(one) + _done(other) == 8
    assert one.sweeps("failed") + other.sweeps("failed") == 0


def _done(station: Station) -> float:
    return station.figure("yunjin_changes_total", outcome="done") or 0


def test_the_citys_policy_says_how_often(town: City) -> None:
    town.write(policies=_policies({"sweep-interval": 1}))
    with Station(town, interval=None) as station:
        wait_until(lambda: station.sweeps("complete") >= 2)


def test_an_apply_goes_on_beside_it(town: City) -> None:
    """Each waits for the other's lease; neither undoes what the other does."""
    with Station(town, interval=0.05):
        for cpu in (3, 4, 3, 4):
            town.allot(cpu=cpu)
            town.people.remove(DENY)
            receipts = town.apply(replace(QUICK, lock_timeout=30, wait_quota=30))
            assert all(receipt.settled for receipt in receipts)
            assert town.cpu() == str(cpu)
            wait_until(lambda: town.standing(DENY) is not None)
