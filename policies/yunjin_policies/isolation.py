"""Whether namespaces stay on the nodes of their pool, and what imported leaves lack.

Run by `yunjin.policy`; calls `yunjin.model`. Promises that an endpoint nobody looked at is not spoken of, and
that one which could not be seen is unknown, never in order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from yunjin.errors import Text
from yunjin.model.change import Severity
from yunjin.policy import Breach, Facts, Scope, rule
from yunjin_policies.subjects import day_text, tenant_place, tenant_text

if TYPE_CHECKING:
    from collections.abc import Iterator

_BIND = Text(
    "启用 PodNodeSelector 准入插件, 或把接入点的 pool_binding 设为 admission-policy 后下发执行",
    "enable the plugin PodNodeSelector, or set the endpoint's `pool_binding: admission-policy` and apply",
)


@rule(
    "B01",
    Severity.WARNING,
    requires=Text("命名空间绑定在所属资源池的节点上", "Namespaces are bound to the nodes of their pool"),
    remedy=_BIND,
    scope=Scope.ENDPOINTS,
)
def bound_to_pool(facts: Facts) -> Iterator[Breach]:
    """Endpoints where neither mechanism is active, with pools of one zone."""
    for endpoint, zones in _unbound(facts):
        if len(zones) <= 1:
            yield Breach(
                f"endpoint/{endpoint}",
                Text(
                    f"接入点 {endpoint} 未启用资源池绑定, 用云单位的容器组可能落到其他资源池的节点",
                    f"endpoint {endpoint} binds no namespace to its pool: pods may run on other pools' nodes",
                ),
                facts.estate.place("endpoint", endpoint),
            )


@rule(
    "B02",
    Severity.ERROR,
    requires=Text(
        "跨网络区域的接入点必须绑定资源池",
        "An endpoint with pools of several zones binds namespaces to their pool",
    ),
    remedy=_BIND,
    scope=Scope.ENDPOINTS,
)
def bound_to_zone(facts: Facts) -> Iterator[Breach]:
    """Endpoints where neither mechanism is active, with pools of several zones."""
    for endpoint, zones in _unbound(facts):
        if len(zones) > 1:
            names = [facts.estate.zones[zone].zh if zone in facts.estate.zones else zone for zone in zones]
            yield Breach(
                f"endpoint/{endpoint}",
                Text(
                    f"接入点 {endpoint} 承载{'、'.join(names)}, 却未启用资源池绑定, 容器组可能跨区运行",
                    f"endpoint {endpoint} carries {', '.join(zones)} and binds no namespace to its pool",
                ),
                facts.estate.place("endpoint", endpoint),
                {"zones": ", ".join(zones)},
            )


def _unbound(facts: Facts) -> Iterator[tuple[str, list[str]]]:
    for endpoint, bound in sorted(facts.pool_bindings.items()):
        if bound is False:
            zones = {pool.zone for pool in facts.estate.pools.values() if pool.endpoint == endpoint}
            yield endpoint, sorted(zones)


@rule(
    "B03",
    Severity.NOTICE,
    requires=Text("资源池绑定是否启用应能看到", "Whether namespaces are bound to their pool can be seen"),
    remedy=Text("检查接入点的连接和读取权限", "check the connection and the right to read"),
    scope=Scope.ENDPOINTS,
)
def binding_seen(facts: Facts) -> Iterator[Breach]:
    """Endpoints where it could not be seen."""
    for endpoint, bound in sorted(facts.pool_bindings.items()):
        if bound is None:
            yield Breach(
                f"endpoint/{endpoint}",
                Text(
                    f"接入点 {endpoint} 的资源池绑定情况未知",
                    f"whether endpoint {endpoint} binds pools is unknown",
                ),
                facts.estate.place("endpoint", endpoint),
            )


@rule(
    "B04",
    Severity.WARNING,
    requires=Text(
        "导入的命名空间/项目补齐标准对象",
        "Imported namespaces and projects are given the standard objects they lack",
    ),
    remedy=Text(
        "与用云单位商定后删除 without 中的条目并下发执行",
        "agree with the tenant, remove the entry under `without`, and apply",
    ),
)
def imported_lacks(facts: Facts) -> Iterator[Breach]:
    """Standard objects that imported namespaces and projects go without."""
    for tenant in facts.estate.tenants.values():
        for part in tenant.imported:
            for lack in part.without:
                name, day = tenant_text(facts, tenant), day_text(lack.since)
                yield Breach(
                    f"{part.leaf} {lack.object}",
                    Text(
                        f"{name.zh}的 {part.leaf} 自 {day.zh} 起缺标准对象 {lack.object}: {lack.reason}",
                        f"{part.leaf} of {name.en} goes without {lack.object} since {day.en}: {lack.reason}",
                    ),
                    tenant_place(facts, tenant),
                    {"object": lack.object, "since": lack.since.isoformat()},
                )


RULES = (bound_to_pool, bound_to_zone, binding_seen, imported_lacks)
