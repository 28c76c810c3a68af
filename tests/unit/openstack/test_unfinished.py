"""Which way a quota goes, and writes that stopped half way: told from what somebody else did."""

from __future__ import annotations

import copy
from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clouds import FLOWS_IN, ZONES, cloud_leaf, endpoint
from yunjin.model.amounts import Amounts
from yunjin.model.resources import Live, ObjectClass, Wanted
from yunjin.substrates.openstack.translate import OpenStackTranslator

if TYPE_CHECKING:
    from collections.abc import Mapping

    from yunjin.model.tenancy import Leaf

TRANSLATOR = OpenStackTranslator()
SERVICES = ("compute", "network", "volume")
small = st.integers(0, 3)
asked = st.fixed_dictionaries(
    {"cpu": small, "memory": small, "storage": small, "volumes": small, "ports": small}
).map(lambda n: Amounts({**n, "cpu": n["cpu"] * 1000, "storage": n["storage"] * 1024}))


def _of(leaf: Leaf, kind: str) -> Wanted:
    return next(wanted for wanted in TRANSLATOR.wanted(leaf) if wanted.key.kind == kind)


def _quota(allotted: Mapping[str, int]) -> Wanted:
    return _of(cloud_leaf(allotted=Amounts(allotted)), "Quota")


def _live(wanted: Wanted, **parts: Any) -> Live:
    body = copy.deepcopy(wanted.body)
    body["spec"] |= parts
    return Live(wanted.key, body, "7")


def _mixed(old: Wanted, new: Wanted, written: tuple[str, ...]) -> Live:
    """The old quota with the services of `written` as in the new one."""
    return _live(old, **{service: new.body["spec"][service] for service in written})


@given(asked, asked, st.sets(st.sampled_from(SERVICES)))
def test_a_quota_is_unfinished_where_some_services_stand_as_before_and_some_as_wanted(
    before: Amounts, after: Amounts, written: set[str]
) -> None:
    old, new = _quota(before), _quota(after)
    now = _mixed(old, new, tuple(written))
    differing = {service for service in SERVICES if old.body["spec"][service] != new.body["spec"][service]}
    expected = bool(differing & written) and bool(differing - written)
    assert TRANSLATOR.unfinished(new, _live(old), now) == expected
    fingerprints = {TRANSLATOR.fingerprint(new, _live(old)), TRANSLATOR.target(new)}
    assert (TRANSLATOR.fingerprint(new, now) not in fingerprints) == expected


@given(asked, asked, st.sets(st.sampled_from(SERVICES)), st.sampled_from(SERVICES))
def test_a_figure_that_is_neither_is_somebody_elses(
    before: Amounts, after: Amounts, written: set[str], service: str
) -> None:
    old, new = _quota(before), _quota(after)
    now = _mixed(old, new, tuple(written))
    figure = next(iter(now.body["spec"][service]))
    now.body["spec"][service] = {**now.body["spec"][service], figure: 977}
    assert not TRANSLATOR.unfinished(new, _live(old), now)


def test_rules_that_are_partly_written_are_unfinished() -> None:
    old, new = (_of(cloud_leaf(flows=flows), "SecurityGroup") for flows in ((), FLOWS_IN))
    before = _live(old, rules=dict.fromkeys(["ingress any from any", "egress any to any"], True))
    for stale, fresh in product((True, False), (True, False)):
        rules = dict(new.body["spec"]["rules"])
        if stale:
            rules["ingress any from any"] = True
        if not fresh:
            del rules["ingress tcp 8443 from 10.131.0.0/24"]
        now = _live(old, rules=rules)
        assert TRANSLATOR.unfinished(new, before, now) == (stale or not fresh)
    other = _live(old, rules={**new.body["spec"]["rules"], "ingress tcp 22 from any": True})
    assert not TRANSLATOR.unfinished(new, before, other)


@pytest.mark.parametrize("kind", ["Quota", "SecurityGroup"])
def test_what_a_service_gives_a_new_project_by_itself_is_ours_to_finish(kind: str) -> None:
    wanted = _of(cloud_leaf(), kind)
    defaults = {"compute": {"cores": 20, "ram": 51200}, "rules": {"ingress any from any": True}}
    assert TRANSLATOR.unfinished(wanted, None, _live(wanted, **defaults))
    assert not TRANSLATOR.unfinished(wanted, None, _live(wanted))


def test_a_router_without_its_interface_is_unfinished() -> None:
    wanted = _of(cloud_leaf(), "Router")
    assert TRANSLATOR.unfinished(wanted, None, _live(wanted, subnets={}))
    assert not TRANSLATOR.unfinished(wanted, None, _live(wanted, subnets={"other": True}))
    assert not TRANSLATOR.unfinished(wanted, None, _live(wanted, subnets={}, admin_state_up=False))


def test_a_project_that_somebody_made_meanwhile_is_not_ours_to_finish() -> None:
    wanted = _of(cloud_leaf(), "Project")
    assert not TRANSLATOR.unfinished(wanted, None, _live(wanted, tags={"yunjin:endpoint": "another"}))


def test_a_pool_of_addresses_that_somebody_made_meanwhile_is_not_ours_to_finish() -> None:
    """It is made by one call: what stands in part is no half-done work of ours, but in a change it may be."""
    _, wanted = TRANSLATOR.shared(endpoint(), {"egov": ZONES["egov"]})
    part = Live(wanted.key, {"spec": {"prefixes": wanted.body["spec"]["prefixes"]}}, "7")
    assert not TRANSLATOR.unfinished(wanted, None, part)
    before = _live(wanted, prefixes=["10.9.0.0/16"], default_prefixlen=26)
    assert TRANSLATOR.unfinished(wanted, before, _live(wanted, default_prefixlen=26))


def test_of_an_imported_quota_only_what_the_ledger_counts_is_looked_at() -> None:
    old, new = (
        replace(_quota({"cpu": cores * 1000, "storage": gib * 1024}), loose=True)
        for cores, gib in ((4, 40), (2, 20))
    )
    now = _mixed(old, new, ("compute",))
    now.body["spec"]["network"] = {**now.body["spec"]["network"], "network": 100}
    assert TRANSLATOR.unfinished(new, _live(old), now)


@given(asked, asked)
def test_a_write_gives_back_where_something_falls_and_nothing_rises(before: Amounts, after: Amounts) -> None:
    falls, rises = before.excess_over(after), after.excess_over(before)
    assert TRANSLATOR.lowers(_quota(after), _live(_quota(before))) == (bool(falls) and not rises)


@pytest.mark.parametrize(
    ("network", "lowers"),
    [
        ({"port": -1}, True),
        ({"security_group_rule": 1}, False),
        ({"security_group_rule": 1, "port": 99}, True),
        ({"port": 99, "floatingip": 0}, False),
        ({"port": 99, "floatingip": None}, True),
        ({"port": 99, "floatingip": "many"}, True),
        ({}, False),
    ],
)
def test_what_bounds_no_capacity_does_not_weigh_and_no_bound_is_the_most(
    *, network: dict[str, Any], lowers: bool
) -> None:
    wanted = _quota({"cpu": 4000, "ports": 10, "floating-ips": 1})
    live = _live(wanted, network={**wanted.body["spec"]["network"], **network})
    assert TRANSLATOR.lowers(wanted, live) == lowers


def test_a_figure_that_is_not_wanted_any_more_gives_nothing_back() -> None:
    wanted, live = _quota({"cpu": 4000}), _live(_quota({"cpu": 8000, "volumes": 5}))
    spec = {service: figures for service, figures in wanted.body["spec"].items() if service != "volume"}
    assert TRANSLATOR.lowers(wanted, live)
    assert not TRANSLATOR.lowers(replace(wanted, body={**wanted.body, "spec": spec}), live)


def test_only_quotas_give_capacity_back() -> None:
    for wanted in TRANSLATOR.wanted(cloud_leaf()):
        if wanted.object_class is not ObjectClass.QUOTA:
            assert not TRANSLATOR.lowers(wanted, _live(wanted, compute={"cores": 99}))
