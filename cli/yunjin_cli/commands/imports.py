"""`yunjin import kubernetes`: take over a namespace that stood before.

Calls `yunjin.engine.importing`, then proves that the plan changes nothing in the namespace, and shows what
the rules say of the declared files that they did not say before.
"""

from __future__ import annotations

import getpass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from yunjin.errors import ConflictError, Text
from yunjin.model.resources import ObjectClass
from yunjin.model.words import word
from yunjin_cli.commands.estate import found
from yunjin_cli.commands.spine import spine
from yunjin_cli.findings import show_findings, stopping
from yunjin_cli.output import Column, figures, show_fields
from yunjin_cli.session import Session, command
from yunjin_cli.speech import group, said

if TYPE_CHECKING:
    from yunjin.engine.importing import Taken
    from yunjin.engine.spine import Spine
    from yunjin.model.change import Finding
    from yunjin.model.estate import Estate

imports = group("纳管已有的命名空间", "take over namespaces that stand already")


class Kind(StrEnum):
    """What a new tenant is."""

    BUREAU = "bureau"
    AREA = "area"
    LINE = "line"
    INSTITUTION = "institution"
    ENTERPRISE = "enterprise"


_COLUMNS = (
    Column("tenant", word("tenant")),
    Column("leaf", word("leaf")),
    Column("quota", Text("沿用配额对象", "quota kept")),
    Column("allotted", word("allotted")),
    Column("without", Text("暂缺", "goes without")),
    Column("quarantined", word("quarantine")),
    Column("changes", Text("方案中该命名空间的变更", "changes of it in the plan")),
)


@command(imports, "kubernetes", Text("纳管集群中已有的命名空间", "import a namespace of a cluster"))
def import_kubernetes(
    session: Session,
    namespace: Annotated[str, typer.Argument(help=said("命名空间", "the namespace"))],
    *,
    tenant: Annotated[str, typer.Option("--tenant", help=said("用云单位编号", "id of the tenant"))],
    pool: Annotated[str, typer.Option("--pool", help=said("资源池编号", "id of the pool"))],
    owner: Annotated[
        str | None, typer.Option("--owner", help=said("所属, 如 bureau/wjw", "e.g. bureau/wjw"))
    ] = None,
    kind: Annotated[Kind, typer.Option("--kind", help=said("类别", "kind"))] = Kind.INSTITUTION,
    name: Annotated[str | None, typer.Option("--name", help=said("中文名称", "Chinese name"))] = None,
    name_en: Annotated[str | None, typer.Option("--name-en", help=said("英文名称", "English name"))] = None,
    mlps: Annotated[int, typer.Option("--mlps", min=1, max=5, help=said("等保级别", "MLPS level"))] = 2,
    technical: Annotated[
        str | None, typer.Option("--technical", help=said("技术联系岗位", "technical post"))
    ] = None,
    business: Annotated[
        str | None, typer.Option("--business", help=said("业务联系岗位", "business post"))
    ] = None,
) -> int:
    """Write its figures down; what it lacks is listed, what nobody knows means quarantine."""
    from yunjin.engine import importing
    from yunjin.engine.acceptance import accept
    from yunjin.engine.endpoints import accesses, connect

    estate = session.estate()
    into = found(estate.pools, pool, word("pool"))
    access = accesses(estate, session.kubeconfig, session.os_cloud)
    with connect(estate, session.state, access, also={into.endpoint: frozenset({namespace})}) as endpoints:
        state = importing.find(endpoints.backend(into.endpoint), namespace)
    body = importing.Owner(
        tenant, owner, kind.value, name or tenant, name_en or tenant, mlps, technical, business
    )
    taken = importing.take(session.tenants, estate, into, state, body, session.as_of)
    with session.store() as store:
        declared = importing.save(taken, store, session.as_of, getpass.getuser())
    with spine(session, declared) as made:
        leaf = next(each for each in made.leaves() if each.node == taken.node)
        accept(made, leaf, tuple(ObjectClass), getpass.getuser(), "import")
        changes = sum(change.leaf == namespace for change in made.observed_plan().changes)
        fresh = _fresh(made, estate)
    _show(session, taken, changes, fresh)
    if changes:
        raise ConflictError(
            Text(
                f"命名空间 {namespace} 在纳管期间被改动",
                f"the namespace {namespace} changed while it was imported",
            ),
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

    row = {
        "tenant": taken.tenant,
        "leaf": taken.leaf,
        "quota": taken.quota,
        "allotted": figures(taken.allotted),
        "without": list(taken.without),
        "quarantined": taken.quarantined,
        "changes": changes,
        "findings": [finding_value(finding) for finding in fresh],
    }
    show_fields(session, _COLUMNS, row)
    show_findings(session, fresh)
