"""Taking over a namespace that stood before Yunjin came.

Called by `yunjin import kubernetes`. Reads one namespace, writes the ledger and the declared files through
`yunjin.estate.rewrite`, and never the cluster. Promises that the figures declared are those observed, that
what the namespace lacks is listed with date and reason, that a namespace whose bureau or contacts nobody
knows goes into quarantine (counted, never changed), and that nothing is declared for which the ledger, once
it is opened, has no room.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

from pydantic import ValidationError

from yunjin.engine import accounts, opening
from yunjin.errors import Text, UsageError
from yunjin.estate import rewrite
from yunjin.ledger.shares import shares
from yunjin.model.amounts import Amounts, total
from yunjin.model.declared import Declared
from yunjin.model.tenancy import leaf_node
from yunjin.model.tenants import BaselineRow, Imported, Tenant
from yunjin.substrates.kubernetes.names import STANDARD
from yunjin.substrates.kubernetes.translate import KubernetesTranslator

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import date
    from pathlib import Path

    from yunjin.model.centre import Pool
    from yunjin.model.estate import Estate
    from yunjin.model.resources import LeafState, Live
    from yunjin.store import Store
    from yunjin.substrates.contract import Backend

D = TypeVar("D", bound=Declared)
REASON: Final = "纳管前已存在, 原无此项"


@dataclass(frozen=True, slots=True)
class Owner:
    """Who answers for the namespace, as far as it is known.

    Attributes:
        tenant: id, of a new tenant or a known one.
        node: `bureau/ID` or `area/ID`; None puts it into quarantine.
        kind: of the tenant.
        technical: post of the technical contact.
        business: post of the business contact.
    """

    tenant: str
    node: str | None
    kind: str
    zh: str
    en: str
    mlps: int
    technical: str | None
    business: str | None


@dataclass(frozen=True, slots=True)
class Taken:
    """What an import declares.

    Attributes:
        node: of the leaf in the quota tree.
        quota: name of the namespace's own quota; empty where it has none.
        allotted: its figures.
        without: standard objects it lacks.
        revision: of the declared files; saved by `save` alone.
    """

    tenant: str
    leaf: str
    node: str
    quota: str
    allotted: Amounts
    without: tuple[str, ...]
    quarantined: bool
    revision: rewrite.Revision


def find(backend: Backend, namespace: str) -> LeafState:
    """The namespace as it stands.

    Raises:
        UsageError: there is none of this name on the endpoint.
    """
    for state in backend.observe():
        if state.name == namespace:
            return state
    raise UsageError(
        Text(
            f"接入点 {backend.endpoint} 上没有命名空间 {namespace}",
            f"{backend.endpoint} has no namespace {namespace}",
        ),
        Text("检查名称与 --pool", "check the name and --pool"),
    )


def take(folder: Path, estate: Estate, pool: Pool, state: LeafState, owner: Owner, day: date) -> Taken:
    """Prepare to declare an observed namespace as a leaf of a tenant, new or known.

    Raises:
        UsageError: it is declared already, is going, belongs to another endpoint, or has several quotas, of
            which only one could be followed; or what is said of its owner is no such thing.
        ConflictError: the tenant's id names another file.
    """
    node = leaf_node(pool.endpoint, state.name)
    if any(row.node == node for row in estate.leaf_rows):
        raise UsageError(
            Text(f"命名空间 {state.name} 已登记", f"the namespace {state.name} is declared already"),
            Text("无需再次纳管", "it need not be imported again"),
        )
    _require_free(state, pool.endpoint)
    quota = _quota(state)
    allotted = KubernetesTranslator().holding(quota).granted if quota else Amounts()
    lacking = tuple(
        entry.role
        for entry in STANDARD
        if entry.role not in (("namespace", "quota") if quota else ("namespace",))
    )
    imported = _checked(
        Imported,
        {
            "leaf": node,
            "since": day,
            "objects": {"quota": quota.key.name} if quota else {},
            "without": [{"object": role, "since": day, "reason": REASON} for role in lacking],
        },
    )
    revision = rewrite.Revision(folder)
    tenant_id = owner.tenant
    known = estate.tenants.get(tenant_id)
    if known:
        revision.add_imported(tenant_id, imported)
    else:
        known = _tenant(owner, imported, day)
        revision.add_tenant(known)
    limit = estate.limit(f"tenant/{tenant_id}", pool.id)
    stated = {row.node: row.allotted or Amounts() for row in _rows(estate, tenant_id, pool.id)}
    revision.put_limit(f"tenant/{tenant_id}", pool.id, limit + _lacking(limit, stated, allotted))
    revision.add_baseline_row(BaselineRow(node=node, pool=pool.id, tenant=tenant_id, allotted=allotted))
    return Taken(
        tenant_id,
        state.name,
        node,
        quota.key.name if quota else "",
        allotted,
        lacking,
        known.quarantine is not None,
        revision,
    )


def save(taken: Taken, store: Store, day: date, actor: str) -> Estate:
    """Enter it into the ledger, where that is opened, and then into the declared files; what they say then.

    Raises:
        DeclaredErrors: the files would not load afterwards.
        ShortageError: the ledger has no room for what stands; it says whose limit is in the way.
        ConflictError: a file changed meanwhile.
        Whatever it is, the files are as they were.
    """
    declared = taken.revision.preview()
    facts = accounts.facts(store.database, declared)
    if facts is not None:
        row = next(row for row in declared.leaf_rows if row.node == taken.node)
        limit = facts.now.get(f"tenant/{taken.tenant} {row.pool}")
        held = shares(store.database) or {}
        charged = {
            each.node: held[each.node].charged
            for each in _rows(declared, taken.tenant, row.pool)
            if each.node in held
        }
        raised = _lacking(limit.amount if limit else Amounts(), charged, taken.allotted)
        opening.take_in(store, declared, taken.node, raised, day, actor)
    return taken.revision.save()


def _rows(estate: Estate, tenant: str, pool: str) -> Iterator[BaselineRow]:
    return (row for row in estate.leaf_rows if (row.tenant, row.pool) == (tenant, pool))


def _lacking(limit: Amounts, stated: Mapping[str, Amounts], more: Amounts) -> Amounts:
    """By how much a limit must rise to carry one leaf more."""
    return Amounts((total(iter(stated.values())) + more).excess_over(limit))


def _require_free(state: LeafState, endpoint: str) -> None:
    """A namespace that another endpoint has, or that is going, cannot be kept as declared."""
    marks = KubernetesTranslator().claim(state.objects["Namespace", state.name])
    if marks.endpoint not in ("", endpoint):
        raise UsageError(
            Text(
                f"命名空间 {state.name} 属于接入点 {marks.endpoint}",
                f"the namespace {state.name} belongs to endpoint {marks.endpoint}",
            ),
            Text("选用该接入点的资源池", "choose a pool of that endpoint"),
        )
    if marks.ending:
        raise UsageError(
            Text(f"命名空间 {state.name} 正在删除", f"the namespace {state.name} is being removed"),
            Text("待删除完成", "wait until it is gone"),
        )


def _checked(model: type[D], fields: dict[str, Any]) -> D:
    """A part of a declared file, from what an operator said. Raises UsageError for the first wrong field."""
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        value = str(first["input"])[:80]
        raise UsageError(
            Text(f"{field} 的值 {value!r} 不合规则", f"{field}: {value!r} cannot be: {first['msg']}"),
            Text("改正相应的选项", "put the option right"),
        ) from error


def _quota(state: LeafState) -> Live | None:
    quotas = [live for (kind, _), live in sorted(state.objects.items()) if kind == "ResourceQuota"]
    if len(quotas) > 1:
        names = ", ".join(live.key.name for live in quotas)
        raise UsageError(
            Text(
                f"命名空间 {state.name} 有多个配额: {names}",
                f"the namespace {state.name} has several quotas: {names}",
            ),
            Text("请先合并为一个 ResourceQuota 再纳管", "merge them into one ResourceQuota first"),
        )
    return quotas[0] if quotas else None


def _tenant(owner: Owner, imported: Imported, day: date) -> Tenant:
    posts = (("technical", owner.technical), ("business", owner.business))
    unknown = [
        zh
        for zh, value in (
            ("所属部门", owner.node),
            ("技术联系人", owner.technical),
            ("业务联系人", owner.business),
        )
        if not value
    ]
    return _checked(
        Tenant,
        {
            "id": owner.tenant,
            "names": [{"zh": owner.zh, "en": owner.en}],
            "kind": owner.kind,
            "owner": owner.node,
            "mlps": owner.mlps,
            "contacts": [{"role": role, "post": post} for role, post in posts if post],
            "imported": (imported,),
            "quarantine": {"since": day, "reason": f"尚缺{'、'.join(unknown)}"} if unknown else None,
        },
    )
