"""Identity: ids that belong to one thing, names of leaves, sources, and oddities of the documents.

Run by `yunjin.policy`; calls `yunjin.model`. Promises that an id means one body, on screens and labels alike.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from yunjin.errors import Text
from yunjin.model.change import Severity
from yunjin.policy import Breach, Facts, rule
from yunjin_policies.subjects import node_text, tenant_place, tenant_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from yunjin.errors import Place

_OWN_KINDS: Final = ("bureau", "area")


@rule(
    "I01",
    Severity.ERROR,
    requires=Text(
        "部门、县区(园区)的编号互不相同; 只有本单位自用的用云单位与其同号",
        "Ids of bureaus and areas differ, and a tenant shares one only where it is that body's own",
    ),
    remedy=Text(
        "改用未使用过的编号; 编号一经使用不再另作他用",
        "take an id that was never used; one is never given twice",
    ),
)
def ids_are_one(facts: Facts) -> Iterator[Breach]:
    """Ids shared by two bodies, or by a body and a tenant that is not its own."""
    estate = facts.estate
    for item in sorted(estate.bureaus.keys() & estate.areas.keys()):
        yield Breach(
            f"area/{item}",
            Text(f"编号 {item} 同时用于部门和县区(园区)", f"{item} is the id of a bureau and of an area"),
            estate.place("area", item),
        )
    for tenant in estate.tenants.values():
        taken = tenant.id in estate.bureaus or tenant.id in estate.areas
        if taken and tenant.kind not in _OWN_KINDS:
            name = tenant_text(facts, tenant)
            yield Breach(
                f"tenant/{tenant.id}",
                Text(
                    f"{name.zh}占用了部门或县区(园区)的编号", f"{name.en} has the id of a bureau or an area"
                ),
                tenant_place(facts, tenant),
            )


@rule(
    "I02",
    Severity.ERROR,
    requires=Text("本单位自用的用云单位与本单位同号", "A body's own tenant has the body's id"),
    remedy=Text(
        "把编号改为所属部门或县区(园区)的编号, 或改正 kind 和 owner",
        "give it the id of its owner, or mend `kind` and `owner`",
    ),
)
def own_tenant_has_its_id(facts: Facts) -> Iterator[Breach]:
    """Tenants of kind bureau or area whose owner is another node."""
    for tenant in facts.estate.tenants.values():
        if tenant.kind in _OWN_KINDS and tenant.owner and tenant.owner != f"{tenant.kind}/{tenant.id}":
            name, owner = tenant_text(facts, tenant), node_text(facts, tenant.owner)
            yield Breach(
                f"tenant/{tenant.id}",
                Text(
                    f"{name.zh}登记为{owner.zh}自用, 编号应为 {tenant.owner.partition('/')[2]}",
                    f"{name.en} is declared as the own tenant of {tenant.owner}, so its id should be "
                    f"{tenant.owner.partition('/')[2]}",
                ),
                tenant_place(facts, tenant),
                {"owner": tenant.owner, "kind": tenant.kind},
            )


@rule(
    "I03",
    Severity.ERROR,
    requires=Text(
        "一个接入点上的命名空间/项目名称不重复",
        "A namespace or project belongs to one pool and one tenant of its endpoint",
    ),
    remedy=Text("每个资源池用自己的后缀: 用云单位编号-后缀", "use each pool's own suffix: TENANT-SUFFIX"),
)
def leaves_are_one(facts: Facts) -> Iterator[Breach]:
    """Leaf names that stand twice on an endpoint, or on an endpoint that is not their pool's."""
    first: dict[tuple[str, str], str] = {}
    for row in facts.estate.leaf_rows:
        _, named, leaf = row.node.split("/", 2)
        endpoint = facts.estate.pools[row.pool].endpoint
        before = first.setdefault((endpoint, leaf), row.key)
        place = facts.estate.place("baseline", row.key)
        if before != row.key:
            pool = before.partition(" ")[2]
            yield Breach(
                row.key,
                Text(
                    f"命名空间 {leaf} 在接入点 {endpoint} 上既属资源池 {pool}, 又属资源池 {row.pool}",
                    f"{leaf} on endpoint {endpoint} lies both in pool {pool} and in pool {row.pool}",
                ),
                place,
                {"first": before},
            )
        if named != endpoint:
            yield Breach(
                row.key,
                Text(
                    f"{row.node} 写的接入点是 {named}, 而资源池 {row.pool} 在接入点 {endpoint}",
                    f"{row.node} names endpoint {named}, but pool {row.pool} lies on endpoint {endpoint}",
                ),
                place,
                {"endpoint": endpoint},
            )


@rule(
    "I04",
    Severity.WARNING,
    requires=Text(
        "命名空间/项目的名称是 用云单位编号-资源池后缀, 导入的除外",
        "A leaf is called TENANT-SUFFIX, an imported one apart",
    ),
    remedy=Text(
        "改为规范名称; 原有的命名空间登记在 imported",
        "give it that name; one that stood before belongs under `imported`",
    ),
)
def leaves_by_name(facts: Facts) -> Iterator[Breach]:
    """Leaf names that do not tell tenant and pool."""
    imported = {part.leaf for tenant in facts.estate.tenants.values() for part in tenant.imported}
    for row in facts.estate.leaf_rows:
        wanted = f"{row.tenant}-{facts.estate.pools[row.pool].suffix}"
        name = row.node.rpartition("/")[2]
        if name != wanted and row.node not in imported:
            yield Breach(
                row.key,
                Text(f"命名空间 {name} 应命名为 {wanted}", f"namespace {name} should be called {wanted}"),
                facts.estate.place("baseline", row.key),
                {"wanted": wanted},
            )


@rule(
    "I05",
    Severity.ERROR,
    requires=Text("流向和系统的编号不重复", "Ids of flows, and of the systems of one tenant, are given once"),
    remedy=Text("改用未使用过的编号", "take another id"),
)
def parts_are_one(facts: Facts) -> Iterator[Breach]:
    """Ids given twice inside one document."""
    flows = Counter(flow.id for zone in facts.estate.zones.values() for flow in zone.flows)
    for zone in facts.estate.zones.values():
        for flow in zone.flows:
            if flows[flow.id] > 1:
                yield _twice(
                    f"flow/{flow.id}", Text("流向", "flow"), flow.id, facts.estate.place("zone", zone.id)
                )
    for tenant in facts.estate.tenants.values():
        systems = Counter(system.id for system in tenant.systems)
        for item in sorted(item for item, count in systems.items() if count > 1):
            yield _twice(
                f"tenant/{tenant.id} {item}", Text("系统", "system"), item, tenant_place(facts, tenant)
            )


def _twice(subject: str, what: Text, item: str, place: Place | None) -> Breach:
    return Breach(subject, Text(f"{what.zh}编号 {item} 重复", f"{what.en} id {item} is given twice"), place)


@rule(
    "I06",
    Severity.WARNING,
    requires=Text(
        "行动计划列名的部门、县区(园区)写明出处",
        "A bureau or area of the action plan says where the plan names it",
    ),
    remedy=Text(
        "填写 source; 行动计划未列名的部门写 origin: proposed",
        "fill in `source`, or say `origin: proposed` of a bureau",
    ),
)
def sources_present(facts: Facts) -> Iterator[Breach]:
    """Bureaus of the plan, and areas, without a source or another basis."""
    for bureau in facts.estate.bureaus.values():
        if bureau.origin == "seed" and bureau.source is None:
            name = bureau.name(facts.as_of)
            yield Breach(
                f"bureau/{bureau.id}",
                Text(f"{name.zh}({bureau.id})没有出处", f"{name.en} ({bureau.id}) has no source"),
                facts.estate.place("bureau", bureau.id),
            )
    for area in facts.estate.areas.values():
        if area.source is None and area.basis is None:
            name = area.name(facts.as_of)
            yield Breach(
                f"area/{area.id}",
                Text(f"{name.zh}({area.id})没有出处", f"{name.en} ({area.id}) has no source"),
                facts.estate.place("area", area.id),
            )


@rule(
    "I07",
    Severity.WARNING,
    requires=Text("文件中的矛盾已更正", "Oddities of the documents are mended at their origin"),
    remedy=Text("已按一次计; 可在文件中更正", "it was counted once; mend the file where the document allows"),
)
def oddities(facts: Facts) -> Iterator[Breach]:
    """What was mended while loading, such as a bureau that a list names twice."""
    for place, said in facts.estate.warnings:
        yield Breach(str(place), said, place)


RULES = (
    ids_are_one,
    own_tenant_has_its_id,
    leaves_are_one,
    leaves_by_name,
    parts_are_one,
    sources_present,
    oddities,
)
