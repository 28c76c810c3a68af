"""Identity: tenants under the ids of bodies, names of projects, sources, and oddities of the documents.

Run by `yunjin.policy`; calls `yunjin.model`. Promises that an id means one body, on screens and labels alike.
That no id is given twice within its kind is what `yunjin.estate` already refuses to load otherwise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from yunjin.errors import Text
from yunjin.model.change import Severity
from yunjin.policy import Breach, Facts, rule
from yunjin_policies.subjects import node_text, projects, successors, tenant_place, tenant_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from yunjin.model.tenants import Tenant

_OWN_KINDS: Final = ("bureau", "area")
_LONGEST: Final = 64 - len("-viewer")
"""Of a project's name: Keystone keeps 64 characters, and the project's groups are called after it."""


@rule(
    "I01",
    Severity.ERROR,
    requires=Text(
        "用云单位不占用部门、县区(园区)的编号, 该单位自用的除外",
        "A tenant has the id of a bureau or an area only where it is that body's own",
    ),
    remedy=Text(
        "改用未使用过的编号; 编号一经使用不再另作他用",
        "take an id that was never used; one is never given twice",
    ),
)
def ids_are_one(facts: Facts) -> Iterator[Breach]:
    """Lines, institutions and enterprises under an id that a body bears."""
    bodies = facts.estate.bureaus.keys() | facts.estate.areas.keys()
    for tenant in facts.estate.tenants.values():
        if tenant.id in bodies and tenant.kind not in _OWN_KINDS:
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
    requires=Text(
        "本单位自用的用云单位与本单位或其所承接的单位同号",
        "A body's own tenant has the id of the body, or of one that it carries on for",
    ),
    remedy=Text(
        "把编号改为所属部门或县区(园区)的编号, 或改正 kind 和 owner",
        "give it the id of its owner, or mend `kind` and `owner`",
    ),
)
def own_tenant_has_its_id(facts: Facts) -> Iterator[Breach]:
    """Tenants of kind bureau or area whose owner is another node; a tenant's id outlives its body."""
    for tenant in facts.estate.tenants.values():
        if tenant.kind in _OWN_KINDS and tenant.owner and not _own(facts, tenant, tenant.owner):
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


def _own(facts: Facts, tenant: Tenant, owner: str) -> bool:
    kind, _, body = owner.partition("/")
    return kind == tenant.kind and (tenant.id == body or body in successors(facts, tenant.id))


@rule(
    "I03",
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
    """Bureaus of the plan, and areas directly below the city, without a source or another basis."""
    for bureau in facts.estate.bureaus.values():
        if bureau.origin == "seed" and bureau.source is None:
            name = bureau.name(facts.as_of)
            yield Breach(
                f"bureau/{bureau.id}",
                Text(f"{name.zh}({bureau.id})没有出处", f"{name.en} ({bureau.id}) has no source"),
                facts.estate.place("bureau", bureau.id),
            )
    for area in facts.estate.areas.values():
        if area.parent is None and area.source is None and area.basis is None:
            name = area.name(facts.as_of)
            yield Breach(
                f"area/{area.id}",
                Text(f"{name.zh}({area.id})没有出处", f"{name.en} ({area.id}) has no source"),
                facts.estate.place("area", area.id),
            )


@rule(
    "I04",
    Severity.WARNING,
    requires=Text("文件中的矛盾已更正", "Oddities of the documents are mended at their origin"),
    remedy=Text("已按一次计; 可在文件中更正", "it was counted once; mend the file where the document allows"),
)
def oddities(facts: Facts) -> Iterator[Breach]:
    """What was mended while loading, such as a bureau that a list names twice."""
    for place, said in facts.estate.warnings:
        yield Breach(str(place), said, place)


@rule(
    "I05",
    Severity.ERROR,
    requires=Text(
        f"项目名称不超过 {_LONGEST} 个字符, 给其用户组的名称留出余地",
        f"The name of a project has {_LONGEST} characters at most: its groups are called after it",
    ),
    remedy=Text(
        "改用更短的用云单位编号或资源池后缀",
        "use a shorter id of the tenant, or a shorter suffix of the pool",
    ),
)
def projects_leave_room(facts: Facts) -> Iterator[Breach]:
    """Names of projects, but of imported ones that go without groups of ours."""
    for row in projects(facts, lambda role: role.startswith("role-")):
        name = row.node.rpartition("/")[2]
        if len(name) > _LONGEST:
            yield Breach(
                row.node,
                Text(f"项目名称 {name} 有 {len(name)} 个字符", f"project {name} has {len(name)} characters"),
                facts.estate.place("baseline", row.key),
            )


RULES = (ids_are_one, own_tenant_has_its_id, sources_present, oddities, projects_leave_room)
