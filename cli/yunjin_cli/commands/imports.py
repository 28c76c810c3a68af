"""`yunjin import`: take over a namespace of a cluster or a project of a cloud that stood before.

Calls `yunjin.engine.standing` and `importing`, which prove that the plan changes nothing of it, and shows
what the rules say of the declared files that they did not say before. The pool's endpoint alone is asked.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from yunjin.errors import ConflictError, Text
from yunjin.model.words import word
from yunjin_cli.actor import actor
from yunjin_cli.commands.estate import found
from yunjin_cli.commands.spine import spine
from yunjin_cli.findings import show_findings, stopping
from yunjin_cli.output import Column, figures, show_fields
from yunjin_cli.session import Session, command
from yunjin_cli.speech import group, help_lang, said

if TYPE_CHECKING:
    from yunjin.engine.importing import Owner, Taken
    from yunjin.engine.spine import Spine
    from yunjin.model.change import Finding
    from yunjin.model.estate import Estate

imports = group("纳管已有的命名空间和项目", "take over namespaces and projects that stand already")


class Kind(StrEnum):
    """What a new tenant is."""

    BUREAU = "bureau"
    AREA = "area"
    LINE = "line"
    INSTITUTION = "institution"
    ENTERPRISE = "enterprise"


TenantOption = Annotated[str, typer.Option("--tenant", help=said("用云单位编号", "id of the tenant"))]
PoolOption = Annotated[str, typer.Option("--pool", help=said("资源池编号", "id of the pool"))]
OwnerOption = Annotated[
    str | None, typer.Option("--owner", help=said("所属, 如 bureau/wjw", "e.g. bureau/wjw"))
]
KindOption = Annotated[Kind, typer.Option("--kind", help=said("类别", "kind"))]
NameOption = Annotated[str | None, typer.Option("--name", help=said("中文名称", "Chinese name"))]
EnglishOption = Annotated[str | None, typer.Option("--name-en", help=said("英文名称", "English name"))]
LevelOption = Annotated[int, typer.Option("--mlps", min=1, max=5, help=said("等保级别", "MLPS level"))]
TechnicalOption = Annotated[
    str | None, typer.Option("--technical", help=said("技术联系岗位", "technical post"))
]
BusinessOption = Annotated[str | None, typer.Option("--business", help=said("业务联系岗位", "business post"))]
PaperOption = Annotated[
    str | None, typer.Option("--paper", help=said("批准文号", "number of the approving document"))
]


@command(imports, "kubernetes", Text("纳管集群中已有的命名空间", "import a namespace of a cluster"))
def import_kubernetes(
    session: Session,
    namespace: Annotated[str, typer.Argument(help=word("leaf.kubernetes").of(help_lang()))],
    *,
    tenant: TenantOption,
    pool: PoolOption,
    owner: OwnerOption = None,
    kind: KindOption = Kind.INSTITUTION,
    name: NameOption = None,
    name_en: EnglishOption = None,
    mlps: LevelOption = 2,
    technical: TechnicalOption = None,
    business: BusinessOption = None,
    paper: PaperOption = None,
) -> int:
    """Write its figures down; what it lacks is listed, what nobody knows means quarantine."""
    from yunjin.engine.endpoints import CLUSTERS
    from yunjin.engine.importing import Owner

    about = Owner(
        tenant, owner, kind.value, name or tenant, name_en or tenant, mlps, technical, business, paper
    )
    return _take_over(session, CLUSTERS, namespace, pool, about)


@command(imports, "openstack", Text("纳管云平台中已有的项目", "import a project of a cloud"))
def import_openstack(
    session: Session,
    *,
    project: Annotated[str, typer.Option("--project", help=said("项目名称", "name of the project"))],
    tenant: TenantOption,
    pool: PoolOption,
    owner: OwnerOption = None,
    kind: KindOption = Kind.INSTITUTION,
    name: NameOption = None,
    name_en: EnglishOption = None,
    mlps: LevelOption = 2,
    technical: TechnicalOption = None,
    business: BusinessOption = None,
    paper: PaperOption = None,
) -> int:
    """The same of a project; it stays in the domain in which it is."""
    from yunjin.engine.endpoints import CLOUDS
    from yunjin.engine.importing import Owner

    about = Owner(
        tenant, owner, kind.value, name or tenant, name_en or tenant, mlps, technical, business, paper
    )
    return _take_over(session, CLOUDS, project, pool, about)


def _take_over(session: Session, technology: str, leaf: str, pool: str, owner: Owner) -> int:
    from yunjin.engine import importing, standing
    from yunjin.engine.endpoints import connect

    estate = session.estate()
    into = found(estate.pools, pool, word("pool"))
    standing.require_technology(estate, into, technology)
    every = session.accesses(estate)
    access = {name: how for name, how in every.items() if name == into.endpoint}
    with connect(estate, session.state, access, also={into.endpoint: frozenset({leaf})}) as endpoints:
        state = standing.find(endpoints.backend(into.endpoint), leaf, word(f"leaf.{technology}"))
    taken = importing.take(session.tenants, estate, into, state, owner, session.as_of)
    with session.store() as store:
        declared = importing.save(taken, store, session.as_of, actor())
    with spine(session, declared, access) as made:
        changes = len(importing.prove(made, taken, actor()))
        fresh = _fresh(made, estate)
    _show(session, taken, changes, fresh)
    if changes:
        what = taken.leaf.what
        raise ConflictError(
            Text(f"{what.zh} {leaf} 在纳管期间被改动", f"the {what.en} {leaf} changed while it was imported"),
            Text("用 yunjin plan 查看差异", "see the differences with yunjin plan"),
        )
    return int(bool(stopping(session, fresh)))


def _fresh(made: Spine, before: Estate) -> list[Finding]:
    """What the rules say of the files now and did not say before."""
    from yunjin.engine.accounts import facts
    from yunjin_policies import RULES

    ledger = facts(made.store.database, made.estate)
    known = {(f.rule, f.subject, f.message) for f in made.validate(before, made.as_of, RULES, ledger)}
    findings = made.validate(made.estate, made.as_of, RULES, ledger)
    return [f for f in findings if (f.rule, f.subject, f.message) not in known]


def _show(session: Session, taken: Taken, changes: int, fresh: list[Finding]) -> None:
    from yunjin.engine.spine import finding_value

    leaf = taken.leaf
    columns = (
        Column("tenant", word("tenant")),
        Column("leaf", leaf.what),
        *((Column("quota", Text("沿用配额对象", "quota kept")),) if leaf.objects else ()),
        Column("allotted", word("allotted")),
        Column("without", Text("暂缺", "goes without")),
        Column("quarantined", word("quarantine")),
        Column("changes", Text(f"方案中该{leaf.what.zh}的变更", "changes of it in the plan")),
    )
    row = {
        "tenant": taken.tenant,
        "leaf": leaf.name,
        "quota": leaf.objects.get("quota", ""),
        "allotted": figures(leaf.allotted),
        "without": list(leaf.lacking),
        "quarantined": taken.quarantined,
        "changes": changes,
        "findings": [finding_value(finding) for finding in fresh],
    }
    show_fields(session, columns, row)
    show_findings(session, fresh)
