"""Commands that read the declared state alone: elements, bureaus, tenants.

Calls `yunjin.estate` through the session. Writes nothing and asks no endpoint.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final, TypeVar

import typer

from yunjin.errors import Text, UsageError, YunjinError
from yunjin.model.words import word
from yunjin_cli.figured import figured
from yunjin_cli.output import Column, Row, Told, figures, show_fields, show_rows
from yunjin_cli.session import Output, Session, command, declared_folder
from yunjin_cli.speech import group, help_lang, said

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import date
    from pathlib import Path

    from yunjin.model.declared import DatedName
    from yunjin.model.estate import Estate
    from yunjin.model.organisation import Area, Bureau
    from yunjin.model.programme import Element
    from yunjin.model.tenants import BaselineRow, Imported, Tenant

T = TypeVar("T")

bureaus = group("部门和县区(园区)", "bureaus and areas")
elements = group("建设任务", "elements of the action plan")
tenants = group("用云单位", "tenants")

ID: Final = Column("id", Text("编号", "id"), whole=True)
NAME: Final = Column("name", Text("名称", "name"))
KIND: Final = Column("kind", Text("类别", "kind"))

KINDS: Final = {
    "centre": Text("一中心", "centre"),
    "system": Text("两系统", "system"),
    "platform": Text("层级平台", "platform"),
    "bureau": word("bureau"),
    "area": Text("县区(园区)", "area"),
    "line": word("line"),
    "institution": word("institution"),
    "enterprise": word("enterprise"),
}
STAGES: Final = {
    "planned": Text("规划", "planned"),
    "trial": Text("试运行", "trial"),
    "production": Text("正式运行", "production"),
}
HORIZONS: Final = {"2016": Text("2016年", "2016"), "135": Text("十三五", "2016-2020")}
ORIGINS: Final = {
    "seed": Text("行动计划列名", "named in the action plan"),
    "proposed": Text("建议", "proposed"),
    "decided": Text("机构调整", "by reorganisation"),
}
BELOW_AREA: Final = Text("县区下设单位", "below an area")
BODY: Final = Text("部门或县区(园区)", "bureau or area")


def found(items: Mapping[str, T], key: str, what: Text) -> T:
    """The item of that id. Raises UsageError naming near ones, else the first there are."""
    if key in items:
        return items[key]
    near = sorted(item for item in items if key[:2] and item.startswith(key[:2]))[:5]
    some = sorted(items)[:8]
    more = len(items) - len(some)
    every = Text(
        f"可用的编号: {', '.join(some)}{f' 等 {len(items)} 个' if more else ''}",
        f"there are {', '.join(some)}{f' and {more} more' if more else ''}",
    )
    raise UsageError(
        Text(f"没有编号为 {key} 的{what.zh}", f"there is no {what.en} {key}"),
        Text(f"相近的编号: {', '.join(near)}", f"near ones: {', '.join(near)}")
        if near
        else (every if some else None),
    )


def ids(choose: Callable[[Estate, date], Mapping[str, Text]]) -> Callable[..., list[tuple[str, str]]]:
    """What a shell proposes: ids, with names beside them where the shell shows such."""

    def proposed(ctx: typer.Context, incomplete: str) -> list[tuple[str, str]]:
        from yunjin.estate import load
        from yunjin_cli.session import business_date

        given: Path | None = ctx.params.get("tenants")
        try:
            names = choose(load(declared_folder(given)), business_date(ctx.params.get("as_of")))
        except YunjinError:
            return []
        return [(key, name.of(help_lang())) for key, name in names.items() if key.startswith(incomplete)]

    proposed.__annotations__ = {"ctx": typer.Context, "incomplete": str}  # typer looks at the types
    return proposed


def _bodies(estate: Estate) -> dict[str, Bureau | Area]:
    return {**estate.bureaus, **estate.areas}


def _body_names(estate: Estate, day: date) -> dict[str, Text]:
    return {key: body.name(day) for key, body in _bodies(estate).items()}


def _element_names(estate: Estate, _: date) -> dict[str, Text]:
    return {key: element.text for key, element in estate.elements.items()}


def _tenant_names(estate: Estate, day: date) -> dict[str, Text]:
    return {key: tenant.name(day) for key, tenant in estate.tenants.items()}


BodyArgument = Annotated[str, typer.Argument(help=said("编号", "id"), autocompletion=ids(_body_names))]
ElementArgument = Annotated[str, typer.Argument(help=said("编号", "id"), autocompletion=ids(_element_names))]
TenantArgument = Annotated[str, typer.Argument(help=said("编号", "id"), autocompletion=ids(_tenant_names))]


def _body_row(estate: Estate, body: Bureau | Area, day: date) -> Row:
    bureau = estate.bureaus.get(body.id)
    kind = "bureau" if bureau else "area"
    origin = bureau.origin if bureau else "seed"
    return {
        "id": body.id,
        "name": body.name(day),
        "kind": Told(kind, BELOW_AREA if kind == "area" and body.parent else KINDS[kind]),
        "parent": body.parent,
        "origin": Told(origin, ORIGINS[origin]),
        "ended": body.valid.end,
    }


_BODY = (
    ID, NAME, KIND,
    Column("parent", Text("上级", "parent"), whole=True),
    Column("origin", Text("来源", "origin")),
    Column("ended", Text("终止日期", "ended")),
)  # fmt: skip


@command(bureaus, "list", Text("列出部门和县区(园区)", "list bureaus and areas"))
def bureau_list(session: Session) -> int:
    """Every bureau and area, by its name on the business date."""
    estate = session.estate()
    rows = [_body_row(estate, body, session.as_of) for body in _bodies(estate).values()]
    show_rows(session, _BODY, rows, session.dating("{}的名称", "Names of {}"))
    return 0


@command(bureaus, "show", Text("查看一个部门或县区(园区)", "show one bureau or area"))
def bureau_show(session: Session, bureau: BodyArgument) -> int:
    """One body: its names over time, what it leads, which tenants hang below it."""
    estate, day = figured(session, session.estate()), session.as_of
    body = found(_bodies(estate), bureau, BODY)
    node = f"bureau/{body.id}" if body.id in estate.bureaus else f"area/{body.id}"
    leads = [e for e in estate.elements.values() if e.lead == body.id]
    cooperates = [e for e in estate.elements.values() if body.id in estate.cooperating(e)]
    row = _body_row(estate, body, day) | {
        "names": [_dated(name) for name in body.names],
        "leads": [Told(element.id, element.text) for element in leads],
        "cooperates": [Told(element.id, element.text) for element in cooperates],
        "tenants": [tenant.id for tenant in estate.tenants.values() if tenant.owner == node],
        "limits": _limits(estate, node),
    }
    columns = (
        *_BODY,
        Column("names", Text("历史名称", "names"), listed=True),
        Column("leads", Text("牵头", "leads")),
        Column("cooperates", Text("配合", "cooperates in")),
        Column("tenants", word("tenant")),
        Column("limits", word("limit"), listed=True),
    )
    show_fields(session, columns, row)
    return 0


def _dated(name: DatedName) -> Told:
    """A name with the days between which it was borne."""
    from yunjin.model.formats import date_text

    zh, en = [], []
    if name.start:
        zh.append(f"{date_text(name.start, 'zh')}起")
        en.append(f"from {date_text(name.start, 'en')}")
    if name.end:
        zh.append(f"{date_text(name.end, 'zh')}前")
        en.append(f"before {date_text(name.end, 'en')}")
    if not name.verified:
        zh.append("待核")
        en.append("not yet verified")
    value = {"zh": name.zh, "en": name.en, "start": name.start, "end": name.end, "verified": name.verified}
    return Told(
        value,
        Text(
            f"{name.zh} ({', '.join(zh)})" if zh else name.zh,
            f"{name.en} ({', '.join(en)})" if en else name.en,
        ),
    )


def _limits(estate: Estate, node: str) -> dict[str, Told]:
    """By pool."""
    rows = (row for row in estate.baseline.values() if row.node == node)
    return {row.pool: figures(row.limit) for row in rows if row.limit is not None}


def _element_row(estate: Estate, element: Element, day: date) -> Row:
    lead = estate.owner_name(f"bureau/{element.lead}", day) if element.lead else None
    return {
        "id": element.id,
        "name": element.text,
        "kind": Told(element.kind, KINDS[element.kind]),
        "horizon": Told(element.horizon, HORIZONS[element.horizon]),
        "lead": Told(element.lead, lead or Text("尚无牵头部门", "no lead bureau yet")),
        "tasks": [task.id for task in estate.tasks("2016") if task.element == element.id],
    }


_ELEMENT = (
    ID, NAME, KIND,
    Column("horizon", Text("目标期", "horizon")),
    Column("lead", word("lead")),
    Column("tasks", word("task")),
)  # fmt: skip


@command(elements, "list", Text("列出建设任务", "list the elements"))
def element_list(session: Session) -> int:
    """The centre, the two systems and the platforms."""
    estate = session.estate()
    show_rows(
        session, _ELEMENT, [_element_row(estate, each, session.as_of) for each in estate.elements.values()]
    )
    return 0


@command(elements, "show", Text("查看一项建设任务", "show one element"))
def element_show(session: Session, element: ElementArgument) -> int:
    """One element: who answers for it, its parts, its tasks and where the plan says so."""
    estate, day = session.estate(), session.as_of
    item = found(estate.elements, element, word("element"))
    tasks = [task for task in estate.tasks("2016") if task.element == item.id]
    row = _element_row(estate, item, day) | {
        "coop": [Told(body, estate.body_name(body, day)) for body in estate.cooperating(item)],
        "subsystems": [Told(part.id, part.text) for part in item.subsystems],
        "tasks": [Told(task.id, Text(f"{task.id} {task.zh}", f"{task.id} {task.en}")) for task in tasks],
        "tenants": [tenant.id for tenant in estate.tenants.values() if item.id in tenant.platforms],
        "source": f"{item.source.doc} {item.source.section}",
    }
    columns = (
        *_ELEMENT[:-1],
        Column("coop", word("coop")),
        Column("subsystems", Text("子系统", "subsystems")),
        Column("tasks", word("task"), listed=True),
        Column("tenants", Text("部署单位", "tenants that run it")),
        Column("source", Text("出处", "source")),
    )
    show_fields(session, columns, row)
    return 0


def _tenant_row(estate: Estate, tenant: Tenant, day: date) -> Row:
    rows = _leaves(estate, tenant)
    owner = estate.owner_name(tenant.owner, day) if tenant.owner else Text("待核", "unknown")
    quarantined = tenant.quarantine is not None
    return {
        "id": tenant.id,
        "name": tenant.name(day),
        "kind": Told(tenant.kind, KINDS[tenant.kind]),
        "owner": Told(tenant.owner, owner),
        "mlps": tenant.mlps,
        "leaves": [row.node.removeprefix("leaf/") for row in rows],
        "allotted": {row.pool: figures(row.allotted) for row in rows if row.allotted},
        "state": Told(
            "quarantined" if quarantined else "in-order",
            word("quarantine") if quarantined else Text("正常", "in order"),
        ),
    }


def _leaves(estate: Estate, tenant: Tenant) -> list[BaselineRow]:
    return [row for row in estate.leaf_rows if row.tenant == tenant.id]


_STATE = Column("state", Text("状态", "state"))
_TENANTS = (
    ID, NAME, KIND,
    Column("mlps", Text("等保", "MLPS"), right=True),
    Column("pools", word("pool"), whole=True),
    Column("cpu", word("cpu"), right=True),
    Column("memory", word("memory"), right=True),
    Column("storage", word("storage"), right=True),
    _STATE,
)  # fmt: skip


@command(tenants, "list", Text("列出用云单位", "list the tenants"))
def tenant_list(session: Session) -> int:
    """Every tenant with what it is allotted."""
    estate = figured(session, session.estate())
    rows = [_tenant_row(estate, tenant, session.as_of) for tenant in estate.tenants.values()]
    if session.output is not Output.TABLE:
        show_rows(session, _TENANT, rows)
        return 0
    shown = [row | _by_pool(session, estate, row["id"]) for row in rows]
    show_rows(session, _TENANTS, shown, session.dating("{}的名称, 当前额度", "Names of {}, quota of now"))
    return 0


def _by_pool(session: Session, estate: Estate, tenant: str) -> Row:
    """A line a pool."""
    from yunjin.model.formats import amount_text

    rows = _leaves(estate, estate.tenants[tenant])
    amounts = {
        dimension: "\n".join(
            amount_text(dimension, row.allotted.of(dimension) if row.allotted else 0, session.lang)
            for row in rows
        )
        for dimension in ("cpu", "memory", "storage")
    }
    return {"pools": "\n".join(row.pool for row in rows), **amounts}


_TENANT = (
    ID, NAME, KIND,
    Column("owner", Text("所属", "below")),
    Column("mlps", word("mlps")),
    Column("leaves", word("leaf"), listed=True),
    Column("allotted", word("allotted"), listed=True),
    _STATE,
)  # fmt: skip


def _imported(part: Imported) -> Told:
    """When it was taken over and on what paper; without one it is in quarantine."""
    from yunjin.model.formats import date_text

    paper, name = part.paper.doc if part.paper else None, part.leaf.removeprefix("leaf/")
    said = Text(paper, paper) if paper else word("quarantine")
    return Told(
        {"leaf": part.leaf, "since": part.since, "paper": paper},
        Text(
            f"{name} ({date_text(part.since, 'zh')}, {said.zh})",
            f"{name} ({date_text(part.since, 'en')}, {said.en})",
        ),
    )


@command(tenants, "show", Text("查看一个用云单位", "show one tenant"))
def tenant_show(session: Session, tenant: TenantArgument) -> int:
    """One tenant: contacts, limits, systems, what was imported and what that goes without."""
    from yunjin.model.formats import date_text

    estate = figured(session, session.estate())
    item = found(estate.tenants, tenant, word("tenant"))
    row = _tenant_row(estate, item, session.as_of) | {
        "limits": _limits(estate, f"tenant/{item.id}"),
        "contacts": [
            Told({"role": contact.role, "post": contact.post}, Text(contact.post, contact.post))
            for contact in item.contacts
        ],
        "protected": item.protected,
        "platforms": [Told(each, estate.elements[each].text) for each in item.platforms],
        "systems": [
            Told(
                {"id": s.id, "name": s.text, "stage": s.stage},
                Text(f"{s.zh} ({STAGES[s.stage].zh})", f"{s.en} ({STAGES[s.stage].en})"),
            )
            for s in item.systems
        ],
        "imported": [_imported(part) for part in item.imported],
        "without": [
            Told(
                {"leaf": part.leaf, "object": w.object, "since": w.since, "reason": w.reason},
                Text(
                    f"{w.object} ({date_text(w.since, 'zh')}起: {w.reason})",
                    f"{w.object} (since {date_text(w.since, 'en')}: {w.reason})",
                ),
            )
            for part in item.imported
            for w in part.without
        ],
    }
    columns = (
        *_TENANT,
        Column("limits", word("limit"), listed=True),
        Column("contacts", Text("联系岗位", "contacts")),
        Column("protected", Text("受保护", "protected")),
        Column("platforms", Text("运行平台", "platforms")),
        Column("systems", word("system"), listed=True),
        Column("imported", Text("纳管", "imported"), listed=True),
        Column("without", Text("暂缺", "goes without"), listed=True),
    )
    show_fields(session, columns, row)
    return 0
