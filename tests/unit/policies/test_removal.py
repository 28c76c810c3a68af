"""Rules about plans: removal, protection, grants, fields of others, what was not seen."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from declared import declared
from estates import city
from findings import change, messages, plan_of, removal, said
from yunjin.errors import Text
from yunjin.model.change import Action, Binding, Extra, Failure, Held, Hold
from yunjin.model.resources import Difference, Key, ObjectClass

if TYPE_CHECKING:
    from yunjin.model.estate import Estate

CREATION = change(Action.CREATE, "jtj-egov", "ResourceQuota", "yunjin")
GONE = "old-egov"  # a namespace of a tenant that no file declares any more


@pytest.mark.parametrize("rule", [f"R0{n}" for n in range(1, 9)])
def test_a_plan_that_only_builds_is_in_order(rule: str) -> None:
    plan = plan_of(
        CREATION, bindings={"k8s": Binding("kubernetes", "simulated", datetime(2026, 11, 22, tzinfo=UTC))}
    )

    assert said(rule, declared(), plan) == []


@pytest.mark.parametrize("rule", [f"R0{n}" for n in range(1, 9)])
def test_without_a_plan_nothing_is_said(rule: str) -> None:
    assert said(rule, declared()) == []


def test_a_removed_namespace_is_one_finding_whatever_it_holds() -> None:
    plan = plan_of(removal(GONE, tenant="old"), removal(GONE, "ResourceQuota", "yunjin", tenant="old"))

    (finding,) = said("R01", declared(), plan)

    assert finding.message.zh == f"变更方案删除接入点 k8s 的命名空间 {GONE}"
    assert finding.subject == f"leaf/k8s/{GONE}"
    assert finding.evidence == {"objects": "2", "tenant": "old", "whole": "true"}


def test_removed_objects_are_listed_by_namespace() -> None:
    objects = [removal("jtj-egov", "NetworkPolicy", f"p{n}") for n in range(5)]

    assert messages("R01", declared(), plan_of(*objects, removal("dawa-egov", "LimitRange", "yunjin"))) == [
        "变更方案删除 jtj-egov 的 5 个对象: NetworkPolicy p0, NetworkPolicy p1, NetworkPolicy p2 +2",
        "变更方案删除 dawa-egov 的 1 个对象: LimitRange yunjin",
    ]


def test_nothing_of_a_protected_tenant_is_removed() -> None:
    estate = declared()

    (finding,) = said("R02", estate, plan_of(removal("fgw-egov", "LimitRange", "yunjin", tenant="fgw")))

    assert finding.message.zh == "用云单位用云单位fgw(fgw)受保护, 变更方案却要删除 LimitRange yunjin"
    assert finding.place == estate.place("tenant", "fgw")
    assert said("R02", estate, plan_of(removal("jtj-egov"))) == []


def held(hold: Hold) -> Held:
    return Held("k8s", GONE, "old", hold, Text("原因", "reason"))


@pytest.mark.parametrize("hold", list(Hold))
def test_what_the_plan_leaves_alone_is_an_error_where_protected_and_else_a_warning(hold: Hold) -> None:
    plan = plan_of(held=(held(hold),))
    mine, other = ("R02", "R07") if hold is Hold.PROTECTED else ("R07", "R02")

    (finding,) = said(mine, declared(), plan)

    assert finding.message == Text("原因", "reason")
    assert finding.subject == f"leaf/k8s/{GONE}"
    assert finding.evidence == {"tenant": "old", "hold": hold.value}
    assert said(other, declared(), plan) == []


def without(*nodes: str) -> Estate:
    return declared(baseline=[row for row in city()["baseline"] if row["node"] not in nodes])


def test_a_namespace_that_is_still_granted_is_not_removed() -> None:
    estate = declared()

    (finding,) = said("R03", estate, plan_of(removal("jtj-egov")))

    assert finding.message.zh == (
        "变更方案删除命名空间 jtj-egov, 而 leaf/k8s/jtj-egov 在资源池 k8s-egov 仍有核定配额"
    )
    assert finding.place == estate.place("baseline", "leaf/k8s/jtj-egov k8s-egov")


def test_a_namespace_whose_tenant_still_has_a_limit_there_is_not_removed() -> None:
    estate = without("leaf/k8s/jtj-egov")

    (finding,) = said("R03", estate, plan_of(removal("jtj-egov")))

    assert finding.evidence == {"node": "tenant/jtj", "pool": "k8s-egov"}


def test_a_namespace_is_removed_once_its_grants_have_ended() -> None:
    estate = without("leaf/k8s/jtj-egov", "tenant/jtj")
    plan = plan_of(removal("jtj-egov"), removal("fgw-egov", "LimitRange", "yunjin", tenant="fgw"))

    assert said("R03", estate, plan) == []


def test_an_endpoint_that_was_not_seen_is_told_of_with_its_reason() -> None:
    failure = Failure(
        "unreachable", Text("连接被拒绝", "connection refused"), Text("检查网络", "check the network")
    )
    plan = plan_of(bindings={"k8s": Binding("kubernetes", "simulated", None, failure)})
    estate = declared()

    (finding,) = said("R04", estate, plan)

    assert finding.message.zh == "接入点 k8s 未能观测, 情况未知: 连接被拒绝"
    assert finding.remedy.zh == "检查网络"
    assert finding.evidence == {"code": "unreachable"}
    assert finding.place == estate.place("endpoint", "k8s")


def difference(manager: str) -> Difference:
    return Difference("spec.hard.pods", "40", "50", manager)


def test_fields_of_others_are_counted_by_manager() -> None:
    plan = plan_of(
        change(Action.UPDATE, "jtj-egov", "ResourceQuota", "q", difference("kubectl"), difference("kubectl")),
        change(Action.UPDATE, "fgw-egov", "ResourceQuota", "q", difference("kubectl"), difference("yunjin")),
        change(Action.UPDATE, "dawa-egov", "ResourceQuota", "q", difference(""), difference("helm")),
    )

    found = said("R05", declared(), plan)

    assert [finding.message.zh for finding in found] == [
        "接入点 k8s 上由 kubectl 维护的 3 个字段将被改写: ResourceQuota q, ResourceQuota q",
        "接入点 k8s 上由 helm 维护的 1 个字段将被改写: ResourceQuota q",
    ]
    assert found[0].evidence == {"manager": "kubectl", "fields": "3", "first": "spec.hard.pods"}


def test_nothing_of_a_tenant_in_quarantine_is_changed() -> None:
    tenants: list[dict[str, Any]] = city()["tenants"]
    tenants[1]["quarantine"] = {"since": "2026-11-01", "reason": "归属不明"}

    assert messages("R06", declared(tenants=tenants), plan_of(CREATION)) == [
        "用云单位用云单位jtj(jtj)隔离待核, 变更方案却要改动 ResourceQuota yunjin"
    ]


def test_nothing_of_an_imported_leaf_without_a_paper_is_changed() -> None:
    tenants: list[dict[str, Any]] = city()["tenants"]
    stood: dict[str, Any] = {"leaf": "leaf/k8s/jtj-egov", "since": "2026-11-01"}
    tenants[1]["imported"] = [stood]

    assert messages("R06", declared(tenants=tenants), plan_of(CREATION)) == [
        "命名空间 jtj-egov 隔离待核, 变更方案却要改动 ResourceQuota yunjin"
    ]
    stood["paper"] = {"doc": "盘政务云〔2026〕7号"}
    assert messages("R06", declared(tenants=tenants), plan_of(CREATION)) == []


def test_objects_of_others_are_told_of_by_namespace() -> None:
    key = Key("k8s", "jtj-egov", "NetworkPolicy", "allow-all")
    extra = Extra(key, ObjectClass.NETWORK, "jtj", "kubectl", None)

    (finding,) = said("R08", declared(), plan_of(extras=(extra,)))

    assert finding.message.zh == (
        "命名空间 jtj-egov 有 1 个他人建立的受管对象, 不作改动: NetworkPolicy allow-all"
    )
    assert finding.evidence == {"managers": "kubectl"}
