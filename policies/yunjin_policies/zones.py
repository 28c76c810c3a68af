"""Zones of the network: protection levels, databases, and the flows between zones.

Run by `yunjin.policy`; calls `yunjin.model`. Promises that a tenant counts as standing in a zone both through
its namespaces and through the pools its systems name, so that it is refused before anything is built.
"""

from __future__ import annotations

from collections import Counter
from ipaddress import IPv4Network, collapse_addresses
from typing import TYPE_CHECKING, Final

from yunjin.errors import Text
from yunjin.model.centre import SUBNET_LENGTH
from yunjin.model.change import Basis, Severity
from yunjin.policy import Breach, Facts, Scope, rule
from yunjin_policies.subjects import day_text, on_cloud, projects, tenant_place, tenant_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from yunjin.errors import Place
    from yunjin.model.centre import Flow, Zone
    from yunjin.model.tenants import Tenant

_PUBLIC: Final = "inet"
_GATE: Final = "exch"
_OPERATORS: Final = "mgmt"
_NETWORK: Final = "network-base"
"""What an imported project that keeps its own addresses goes without."""
_ADDRESSES: Final = "SubnetPool"
_HIGHEST_LEVEL: Final = 3
_NOTICE_DAYS: Final = 30
_CLOUD_EXTENSION: Final = Basis("GB/T 22239-2019", "云计算安全扩展要求, 网络架构")
_KEPT_OUT: Final = Basis("宿政办发〔2022〕58号", "第五条(参照)", verified=True)


@rule(
    "Z01",
    Severity.ERROR,
    requires=Text(
        "用云单位的等保级别不高于所在网络区域的级别",
        "A tenant's MLPS level is within the level of every zone it stands in",
    ),
    remedy=Text(
        "改用级别足够的网络区域, 或按实际重新定级",
        "use a zone of a sufficient level, or grade the tenant anew",
    ),
    basis=_CLOUD_EXTENSION,
)
def level_within_zone(facts: Facts) -> Iterator[Breach]:
    """Level of each tenant against each zone it stands in."""
    standing = _standing(facts)
    for tenant in facts.estate.tenants.values():
        for zone, place in standing.get(tenant.id, {}).items():
            bound = facts.estate.zones[zone]
            if tenant.mlps > bound.mlps:
                name = tenant_text(facts, tenant)
                yield Breach(
                    f"tenant/{tenant.id} {zone}",
                    Text(
                        f"{name.zh}的等保级别为 {tenant.mlps} 级, {bound.zh}最高承载 {bound.mlps} 级",
                        f"{name.en} is of MLPS level {tenant.mlps}, zone {zone} carries at most {bound.mlps}",
                    ),
                    place,
                    {"zone": zone, "tenant_level": str(tenant.mlps), "zone_level": str(bound.mlps)},
                )


@rule(
    "Z02",
    Severity.ERROR,
    requires=Text(
        "四级(含)以上和涉密的系统不进入本中心",
        "No system of level 4 or above and none with state secrets enters the centre",
    ),
    remedy=Text(
        "不在本中心部署, 另行按规定建设", "keep it out of the centre; other rules say where it belongs"
    ),
    basis=_KEPT_OUT,
)
def kept_out(facts: Facts) -> Iterator[Breach]:
    """Tenants above the highest level, and systems declared secret."""
    for tenant in facts.estate.tenants.values():
        name = tenant_text(facts, tenant)
        if tenant.mlps > _HIGHEST_LEVEL:
            yield Breach(
                f"tenant/{tenant.id}",
                Text(
                    f"{name.zh}的等保级别为 {tenant.mlps} 级, 不得进入本中心",
                    f"{name.en} is of MLPS level {tenant.mlps} and may not enter the centre",
                ),
                tenant_place(facts, tenant),
                {"tenant_level": str(tenant.mlps)},
            )
        for system in tenant.systems:
            if system.secret:
                yield Breach(
                    f"tenant/{tenant.id} {system.id}",
                    Text(
                        f"{name.zh}的系统“{system.zh}”涉密, 不得进入本中心",
                        f"system {system.id} of {name.en} holds state secrets and may not enter the centre",
                    ),
                    tenant_place(facts, tenant),
                )


@rule(
    "Z03",
    Severity.ERROR,
    requires=Text(
        "数据库只放在允许数据库的网络区域", "A database stands only in a zone that may hold databases"
    ),
    remedy=Text(
        "把数据库移到政务外网的资源池, 经交换区访问",
        "move the database to an e-government pool and reach it through exch",
    ),
)
def databases_inside(facts: Facts) -> Iterator[Breach]:
    """Groups used as a database, by the zone of their pool."""
    for tenant in facts.estate.tenants.values():
        for system in tenant.systems:
            for group in system.groups:
                zone = facts.estate.zones[facts.estate.pools[group.pool].zone]
                if group.use == "database" and not zone.databases:
                    name = tenant_text(facts, tenant)
                    yield Breach(
                        f"tenant/{tenant.id} {system.id} {group.pool}",
                        Text(
                            f"{name.zh}的系统“{system.zh}”把数据库放在{zone.zh}(资源池 {group.pool})",
                            f"system {system.id} of {name.en} has a database in {zone.id} ({group.pool})",
                        ),
                        tenant_place(facts, tenant),
                        {"zone": zone.id, "pool": group.pool},
                    )


@rule(
    "Z04",
    Severity.ERROR,
    requires=Text(
        "互联网接入区与政务外网之间不得直通, 必须经交换区",
        "No flow joins the Internet access zone to the e-government zones past the exchange zone",
    ),
    remedy=Text("拆成经交换区的两段流向, 分别审批", "make it two flows through exch, each with its approval"),
)
def no_bypass(facts: Facts) -> Iterator[Breach]:
    """Flows that touch inet and end anywhere but at the gate; operators may reach in from mgmt."""
    for zone, flow in _flows(facts):
        outward = flow.origin == _PUBLIC and flow.target != _GATE
        inward = flow.target == _PUBLIC and flow.origin not in (_GATE, _OPERATORS)
        if outward or inward:
            yield Breach(
                f"flow/{flow.id}",
                Text(
                    f"流向 {flow.id} 由{_zone(facts, flow.origin)}直通{_zone(facts, flow.target)}",
                    f"flow {flow.id} leads from {flow.origin} to {flow.target} past the exchange zone",
                ),
                facts.estate.place("zone", zone.id),
                {"from": flow.origin, "to": flow.target, "approval": flow.approval},
            )


@rule(
    "Z05",
    Severity.WARNING,
    requires=Text(
        "流向在到期前三十日内续批, 到期不用的删除",
        "A flow is approved anew within 30 days before it ends, or removed once unused",
    ),
    remedy=Text(
        "办理续批并更新 expires, 不再需要的删除", "have it approved anew and update `expires`, or remove it"
    ),
)
def flow_ends_soon(facts: Facts) -> Iterator[Breach]:
    """Flows in their last 30 days, and ended ones that nobody relies on."""
    used = _used_zones(facts)
    for zone, flow in _flows(facts):
        left = (flow.expires - facts.as_of).days
        ended_unused = left <= 0 and not used & {flow.origin, flow.target}
        if ended_unused or 0 < left <= _NOTICE_DAYS:
            day = day_text(flow.expires)
            message = (
                Text(
                    f"流向 {flow.id} 将于 {day.zh} 到期, 还有 {left} 天",
                    f"flow {flow.id} ends on {day.en}, in {left} days",
                )
                if left > 0
                else Text(
                    f"流向 {flow.id} 已于 {day.zh} 到期, 无人使用",
                    f"flow {flow.id} ended on {day.en}; nobody uses it",
                )
            )
            yield Breach(
                f"flow/{flow.id}",
                message,
                facts.estate.place("zone", zone.id),
                {"expires": flow.expires.isoformat()},
            )


@rule(
    "Z06",
    Severity.ERROR,
    requires=Text("仍在使用的流向不得过期", "No flow that a namespace relies on has ended"),
    remedy=Text(
        "先办理续批并更新 expires; 确需停用的, 删除该流向",
        "have it approved anew and update `expires`, or remove the flow on purpose",
    ),
)
def flow_ended_in_use(facts: Facts) -> Iterator[Breach]:
    """Ended flows with a leaf at either end: the next apply would cut them."""
    used = _used_zones(facts)
    for zone, flow in _flows(facts):
        if flow.expires <= facts.as_of and used & {flow.origin, flow.target}:
            day = day_text(flow.expires)
            yield Breach(
                f"flow/{flow.id}",
                Text(
                    f"流向 {flow.id}({_zone(facts, flow.origin)}到{_zone(facts, flow.target)})"
                    f"已于 {day.zh} 到期, 仍有用云单位依赖",
                    f"flow {flow.id} from {flow.origin} to {flow.target} ended on {day.en}, still in use",
                ),
                facts.estate.place("zone", zone.id),
                {"expires": flow.expires.isoformat(), "approval": flow.approval},
            )


@rule(
    "Z07",
    Severity.ERROR,
    requires=Text(
        "企业用云单位只在互联网接入区",
        "A tenant that is an enterprise stands in the Internet access zone alone",
    ),
    remedy=Text("改用互联网接入区的资源池", "use a pool of the Internet access zone"),
)
def enterprises_outside(facts: Facts) -> Iterator[Breach]:
    """Zones of enterprises."""
    standing = _standing(facts)
    for tenant in facts.estate.tenants.values():
        if tenant.kind != "enterprise":
            continue
        for zone, place in standing.get(tenant.id, {}).items():
            if zone != _PUBLIC:
                name = tenant_text(facts, tenant)
                yield Breach(
                    f"tenant/{tenant.id} {zone}",
                    Text(
                        f"{name.zh}是企业, 不得进入{_zone(facts, zone)}",
                        f"{name.en} is an enterprise in zone {zone}",
                    ),
                    place,
                    {"zone": zone},
                )


@rule(
    "Z08",
    Severity.ERROR,
    requires=Text(
        f"有云主机资源池的网络区域申报网段, 每个项目一段(/{SUBNET_LENGTH})",
        f"A zone with an OpenStack pool has addresses: a network (/{SUBNET_LENGTH}) for each project",
    ),
    remedy=Text(
        "在 zones.yaml 为该区域的 cidrs 补充网段; 已用的网段保留不动",
        "add networks to the zone's `cidrs` in zones.yaml; those in use stay",
    ),
)
def addresses_for_projects(facts: Facts) -> Iterator[Breach]:
    """Room in the addresses of each zone beside the projects that one cloud has there."""
    estate = facts.estate
    needed: Counter[tuple[str, str]] = Counter()
    for pool in estate.pools.values():
        if on_cloud(facts, pool):
            needed[pool.endpoint, pool.zone] += 0
    for row in projects(facts, lambda role: role == _NETWORK):
        pool = estate.pools[row.pool]
        needed[pool.endpoint, pool.zone] += 1
    for (endpoint, zone), count in needed.items():
        room = _room(estate.zones[zone].cidrs)
        if room < max(count, 1):
            yield Breach(
                f"zone/{zone} {endpoint}",
                Text(
                    f"{_zone(facts, zone)}的网段可分给 {room} 个项目, "
                    f"接入点 {endpoint} 在该区域有 {count} 个",
                    f"the addresses of zone {zone} are enough for {room} projects; {endpoint} has {count} "
                    "there",
                ),
                estate.place("zone", zone),
                {"zone": zone, "endpoint": endpoint, "room": str(room), "projects": str(count)},
            )


@rule(
    "Z09",
    Severity.WARNING,
    requires=Text(
        "网络区域的网段只增加, 不减少", "The addresses of a zone with projects grow and never shrink"
    ),
    remedy=Text(
        "Neutron 不接受减少网段: 在 zones.yaml 写回; 确需更换的, 先清空该区域的项目, 再由运维删除子网池",
        "Neutron takes none away: put them into zones.yaml; to replace them, empty the zone's projects and "
        "have the operators delete the subnet pool",
    ),
    scope=Scope.PLAN,
)
def addresses_stay(facts: Facts) -> Iterator[Breach]:
    """Networks that a plan would take out of a pool of subnets.

    No error: who adds a network to the pool by hand shall not stop the repair of everything else.
    """
    for change in facts.changes:
        for difference in change.differences:
            if change.key.kind != _ADDRESSES or difference.path != "prefixes":
                continue
            wanted = [IPv4Network(cidr) for cidr in difference.wanted]
            lost = [
                cidr
                for cidr in difference.observed or ()
                if ":" in cidr or not any(IPv4Network(cidr).subnet_of(each) for each in wanted)
            ]
            if lost:
                listed = ", ".join(lost)
                yield Breach(
                    str(change.key),
                    Text(
                        f"变更方案从 {change.key} 去掉网段 {listed}, 项目的子网可能在其中",
                        f"the plan takes {listed} out of {change.key}; subnets of projects may lie there",
                    ),
                    evidence={"networks": listed},
                )


def _room(cidrs: Iterable[str]) -> int:
    """How many projects get a network out of these."""
    merged = collapse_addresses(IPv4Network(cidr, strict=False) for cidr in cidrs)
    return sum(2 ** (SUBNET_LENGTH - each.prefixlen) for each in merged if each.prefixlen <= SUBNET_LENGTH)


def _standing(facts: Facts) -> dict[str, dict[str, Place | None]]:
    """Zones by tenant, each with the place that puts the tenant there."""
    standing: dict[str, dict[str, Place | None]] = {}
    pools = facts.estate.pools
    for row in facts.estate.leaf_rows:
        zones = standing.setdefault(str(row.tenant), {})
        zones.setdefault(pools[row.pool].zone, facts.estate.place("baseline", row.key))
    for tenant in facts.estate.tenants.values():
        for zone in _named_zones(facts, tenant):
            standing.setdefault(tenant.id, {}).setdefault(zone, tenant_place(facts, tenant))
    return standing


def _named_zones(facts: Facts, tenant: Tenant) -> Iterator[str]:
    for system in tenant.systems:
        for group in system.groups:
            yield facts.estate.pools[group.pool].zone


def _used_zones(facts: Facts) -> set[str]:
    return {facts.estate.pools[row.pool].zone for row in facts.estate.leaf_rows}


def _flows(facts: Facts) -> Iterator[tuple[Zone, Flow]]:
    for zone in facts.estate.zones.values():
        for flow in zone.flows:
            yield zone, flow


def _zone(facts: Facts, zone: str) -> str:
    return facts.estate.zones[zone].zh if zone in facts.estate.zones else zone


RULES = (
    level_within_zone,
    kept_out,
    databases_inside,
    no_bypass,
    flow_ends_soon,
    flow_ended_in_use,
    enterprises_outside,
    addresses_for_projects,
    addresses_stay,
)
