"""Commands that read the declared state alone: elements, bureaus, tenants.

Calls `yunjin.estate` through the session. Writes nothing and asks no endpoint.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from yunjin.errors import Text, UsageError
from yunjin.model.formats import amounts_text, date_text
from yunjin.model.words import word
from yunjin_cli.output import Column, Row, show_fields, show_rows
from yunjin_cli.session import Session, command
from yunjin_cli.speech import group, said

if TYPE_CHECKING:
    from collections.abc import Mapping

    from yunjin.model.estate import Estate
    from yunjin.model.organisation import Area, Bureau
    from yunjin.model.programme import Element
    from yunjin.model.tenants import Tenant

T = TypeVar("T")

bureaus = group("部门和县区(园区)", "bureaus and areas")
elements = group("建设任务", "elements of the action plan")
tenants = group("用云单位", "tenants")

ID = Column("id", Text("编号", "id"))
NAME = Column("name", Text("名称", "name"))
KIND = Column("kind", Text("类别", "kind"))

KINDS = {
    "centre": Text("一中心", "centre"),
    "system": Text("两系统", "system"),
    "platform": Text("层级平台", "platform"),
    "bureau": Text("部门", "bureau"),
    "area": Text("县区(园区)", "area"),
    "line": Text("行业条线", "line"),
    "institution": Text("事业单位", "institution"),
    "enterprise": Text("企业", "enterprise"),
    "district": Text("区", "district"),
    "county": Text("县", "county"),
    "economic-zone": Text("园区", "economic zone"),
}
STAGES = {
    "planned": Text("规划", "planned"),
    "trial": Text("试运行", "trial"),
    "production": Text("正式运行", "production"),
}
HORIZONS = {"2016": Text("2016年", "2016"), "135": Text("十三五", "2016-2020")}


def found(items: Mapping[str, T], key: str, what: Text) -> T:
    """The item of that id. Raises UsageError naming near ones."""
    if key in items:
        return items[key]
    near = ", ".join(sorted(item for item in items if key[:2] and item.startswith(key[:2]))[:5])
    raise UsageError(
        Text(f"没有编号为 {key} 的{what.zh}", f"there is no {what.en} {key}"),
        Text(f"相近的编号: {near}", f"near ones: {near}") if near else None,
    )


@command(bureaus, "list", Text("列出部门和县区(园区)", "list bureaus and areas"))
def bureau_list(session: Session) -> int:
    """Every bureau and area, by its name on the business date."""
    estate, day = session.estate(), session.as_of
    rows: list[Row] = [
        {
            "id": bureau.id,
            "name": bureau.name(day),
            "kind": KINDS["bureau"],
            "parent": bureau.parent,
            "origin": Text("方案列名", "named in the plan")
            if bureau.origin == "seed"
            else Text("建议", "proposed"),
            "ended": bureau.valid.end,
        }
        for bureau in estate.bureaus.values()
    ] + [
        {
            "id": area.id,
            "name": area.name(day),
            "kind": KINDS["area"],
            "origin": Text("方案列名", "named in the plan"),
            "ended": area.valid.end,
        }
        for area in estate.areas.values()
    ]
    columns = (
        ID, NAME, KIND,
        Column("parent", Text("上级", "parent")),
        Column("origin", Text("来源", "origin")),
        Column("ended", Text("终止日期", "ended")),
    )  # fmt: skip
    show_rows(session, columns, rows)
    return 0


@command(bureaus, "show", Text("查看一个部门或县区(园区)", "show one bureau or area"))
def bureau_show(session: Session, bureau: Annotated[str, typer.Argument(help=said("编号", "id"))]) -> int:
    """One body: its names over time, what it leads, which tenants hang below it."""
    estate, day = session.estate(), session.as_of
    bodies: dict[str, Bureau | Area] = {**estate.bureaus, **estate.areas}
    body = found(bodies, bureau, Text("部门或县区(园区)", "bureau or area"))
    node = f"bureau/{body.id}" if body.id in estate.bureaus else f"area/{body.id}"
    names = [
        Text(
            f"{name.zh} ({_span(name.start, name.end, 'zh')}{'' if name.verified else ', 未核实'})",
            f"{name.en} ({_span(name.start, name.end, 'en')}{'' if name.verified else ', unverified'})",
        )
        for name in body.names
    ]
    row: Row = {
        "id": body.id,
        "name": body.name(day),
        "names": names,
        "leads": [e.text for e in estate.elements.values() if e.lead == body.id],
        "cooperates": [e.text for e in estate.elements.values() if body.id in estate.cooperating(e)],
        "tenants": [t.id for t in estate.tenants.values() if t.owner == node],
        "limits": {
            r.pool: amounts_text(r.limit, session.lang)
            for r in estate.baseline.values()
            if r.node == node and r.limit is not None
        },
    }
    columns = (
        ID, NAME,
        Column("names", Text("历史名称", "names")),
        Column("leads", Text("牵头", "leads")),
        Column("cooperates", Text("配合", "cooperates in")),
        Column("tenants", word("tenant")),
        Column("limits", word("limit")),
    )  # fmt: skip
    show_fields(session, columns, row)
    return 0


def _span(start: object, end: object, lang: str) -> str:
    if lang == "zh":
        return "至今" if not (start or end) else f"{start or ''} 至 {end or '今'}".strip()
    return "always" if not (start or end) else f"{start or ''} to {end or 'today'}".strip()


def _element_row(estate: Estate, element: Element, session: Session) -> Row:
    lead = estate.owner_name(f"bureau/{element.lead}", session.as_of) if element.lead else None
    return {
        "id": element.id,
        "name": element.text,
        "kind": KINDS[element.kind],
        "horizon": HORIZONS[element.horizon],
        "lead": lead or Text("尚无牵头部门", "no lead bureau yet"),
        "tasks": [task.id for task in estate.tasks("2016") if task.element == element.id],
    }


_ELEMENT = (
    ID, NAME, KIND,
    Column("horizon", Text("目标期", "horizon")),
    Column("lead", Text("牵头部门", "lead bureau")),
    Column("tasks", Text("重点工作", "tasks")),
)  # fmt: skip


@command(elements, "list", Text("列出建设任务", "list the elements"))
def element_list(session: Session) -> int:
    """The centre, the two systems and the platforms."""
    estate = session.estate()
    show_rows(
        session, _ELEMENT, [_element_row(estate, element, session) for element in estate.elements.values()]
    )
    return 0


@command(elements, "show", Text("查看一项建设任务", "show one element"))
def element_show(session: Session, element: Annotated[str, typer.Argument(help=said("编号", "id"))]) -> int:
    """One element: who answers for it, its parts, its tasks and where the plan says so."""
    estate, day = session.estate(), session.as_of
    item = found(estate.elements, element, word("element"))
    row = _element_row(estate, item, session) | {
        "coop": [estate.body_name(body, day) for body in estate.cooperating(item)],
        "subsystems": [part.text for part in item.subsystems],
        "tasks": [
            Text(f"{t.id} {t.zh}", f"{t.id} {t.en}") for t in estate.tasks("2016") if t.element == item.id
        ],
        "tenants": [t.id for t in estate.tenants.values() if item.id in t.platforms],
        "source": f"{item.source.doc} {item.source.section}",
    }
    columns = (
        *_ELEMENT[:-1],
        Column("coop", Text("配合部门", "cooperating")),
        Column("subsystems", Text("子系统", "subsystems")),
        Column("tasks", Text("重点工作", "tasks")),
        Column("tenants", Text("部署单位", "tenants that run it")),
        Column("source", Text("出处", "source")),
    )
    show_fields(session, columns, row)
    return 0


def _tenant_row(estate: Estate, tenant: Tenant, session: Session) -> Row:
    rows = [row for row in estate.leaf_rows if row.tenant == tenant.id]
    return {
        "id": tenant.id,
        "name": tenant.name(session.as_of),
        "kind": KINDS[tenant.kind],
        "owner": estate.owner_name(tenant.owner, session.as_of) if tenant.owner else Text("待核", "unknown"),
        "mlps": tenant.mlps,
        "leaves": [row.node.rpartition("/")[2] for row in rows],
        "allotted": {row.pool: amounts_text(row.allotted, session.lang) for row in rows if row.allotted},
        "state": Text("隔离待核", "quarantined") if tenant.quarantine else Text("正常", "in order"),
    }


_TENANT = (
    ID, NAME, KIND,
    Column("owner", Text("所属", "below")),
    Column("mlps", Text("等保级别", "MLPS level"), right=True),
    Column("leaves", Text("命名空间/项目", "namespaces/projects")),
    Column("allotted", Text("分配额度", "allotted")),
    Column("state", Text("状态", "state")),
)  # fmt: skip


@command(tenants, "list", Text("列出用云单位", "list the tenants"))
def tenant_list(session: Session) -> int:
    """Every tenant with what it is allotted."""
    estate = session.estate()
    show_rows(session, _TENANT, [_tenant_row(estate, tenant, session) for tenant in estate.tenants.values()])
    return 0


@command(tenants, "show", Text("查看一个用云单位", "show one tenant"))
def tenant_show(session: Session, tenant: Annotated[str, typer.Argument(help=said("编号", "id"))]) -> int:
    """One tenant: contacts, limits, systems, and what an imported namespace goes without."""
    estate = session.estate()
    item = found(estate.tenants, tenant, word("tenant"))
    limits = {
        r.pool: amounts_text(r.limit, session.lang)
        for r in estate.baseline.values()
        if r.node == f"tenant/{item.id}" and r.limit is not None
    }
    row = _tenant_row(estate, item, session) | {
        "limits": limits,
        "contacts": [contact.post for contact in item.contacts],
        "protected": item.protected,
        "platforms": [estate.elements[e].text for e in item.platforms],
        "systems": [
            Text(f"{s.zh} ({STAGES[s.stage].zh})", f"{s.en} ({STAGES[s.stage].en})") for s in item.systems
        ],
        "without": [
            Text(
                f"{w.object} ({date_text(w.since, 'zh')}起: {w.reason})",
                f"{w.object} (since {w.since}: {w.reason})",
            )
            for part in item.imported
            for w in part.without
        ],
    }
    columns = (
        *_TENANT,
        Column("limits", word("limit")),
        Column("contacts", Text("联系岗位", "contacts")),
        Column("protected", Text("受保护", "protected")),
        Column("platforms", Text("运行平台", "platforms")),
        Column("systems", Text("系统", "systems")),
        Column("without", Text("暂缺", "goes without")),
    )
    show_fields(session, columns, row)
    return 0
