"""Isolation rules: binding to pools, and what imported namespaces lack."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from declared import declared
from estates import city
from findings import BY_ID, DAY, messages, said
from yunjin.policy import Facts

if TYPE_CHECKING:
    from yunjin.model.estate import Estate


def found(estate: Estate, bindings: dict[str, bool | None]) -> dict[str, list[str]]:
    facts = Facts(estate, DAY, pool_bindings=bindings)
    return {
        rule: [finding.message.zh for finding in BY_ID[rule].check(facts)] for rule in ("B01", "B02", "B03")
    }


def of_one_zone() -> Estate:
    return declared(pools=city()["pools"][:1])


@pytest.mark.parametrize("bindings", [{}, {"k8s": True}])
def test_an_endpoint_that_binds_or_was_not_looked_at_is_not_spoken_of(
    bindings: dict[str, bool | None],
) -> None:
    assert found(declared(), bindings) == {"B01": [], "B02": [], "B03": []}


def test_an_endpoint_of_one_zone_that_does_not_bind_is_a_warning() -> None:
    assert found(of_one_zone(), {"k8s": False}) == {
        "B01": ["接入点 k8s 未启用资源池绑定, 用云单位的容器组可能落到其他资源池的节点"],
        "B02": [],
        "B03": [],
    }


def test_an_endpoint_of_several_zones_that_does_not_bind_is_an_error() -> None:
    assert found(declared(), {"k8s": False}) == {
        "B01": [],
        "B02": ["接入点 k8s 承载公用网络区、互联网接入区, 却未启用资源池绑定, 容器组可能跨区运行"],
        "B03": [],
    }


def test_what_could_not_be_seen_is_unknown() -> None:
    assert found(declared(), {"k8s": None}) == {
        "B01": [],
        "B02": [],
        "B03": ["接入点 k8s 的资源池绑定情况未知"],
    }


def test_standard_objects_that_an_imported_namespace_lacks() -> None:
    tenants: list[dict[str, Any]] = city()["tenants"]
    lack = {"object": "network-deny", "since": "2026-11-01", "reason": "待商定"}
    tenants[1]["imported"] = [{"leaf": "leaf/k8s/jtj-egov", "since": "2026-11-01", "without": [lack]}]

    assert messages("B04", declared(tenants=tenants)) == [
        "用云单位用云单位jtj(jtj)的 leaf/k8s/jtj-egov 自 2026年11月1日 起缺标准对象 network-deny: 待商定"
    ]
    assert said("B04", declared()) == []
