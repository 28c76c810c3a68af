"""Taking over a namespace or project that stood before Yunjin came.

Called by `yunjin import`. Calls `standing` for what is there, writes the ledger and, through
`yunjin.estate.rewrite`, the declared files, and never the endpoint. Promises that the figures declared are
those observed, that what the leaf lacks is listed with date and reason, that a leaf whose bureau, contacts or
paper nobody knows goes into quarantine (counted, never changed, never ranked), and that nothing is declared
which a plan would change, or for which the ledger, once it is opened, has no room.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, TypeVar

from pydantic import ValidationError

from yunjin.engine import accounts, opening
from yunjin.engine.acceptance import accept
from yunjin.engine.standing import look, require_unchanged
from yunjin.errors import Text, UsageError
from yunjin.estate import rewrite
from yunjin.ledger.shares import shares
from yunjin.model.amounts import Amounts, total
from yunjin.model.declared import Declared
from yunjin.model.resources import ObjectClass
from yunjin.model.tenants import BaselineRow, Imported, Tenant

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import date
    from pathlib import Path

    from yunjin.engine.spine import Spine
    from yunjin.engine.standing import Standing
    from yunjin.model.centre import Pool
    from yunjin.model.change import Change
    from yunjin.model.estate import Estate
    from yunjin.model.resources import LeafState
    from yunjin.store import Store

D = TypeVar("D", bound=Declared)
REASON: Final = "纳管前已存在, 原无此项"


@dataclass(frozen=True, slots=True)
class Owner:
    """Who answers for the leaf, as far as it is known.

    Attributes:
        tenant: id, of a new tenant or a known one.
        node: `bureau/ID` or `area/ID`; None puts a new tenant into quarantine.
        kind: of the tenant.
        technical: post of the technical contact; None as for `node`.
        business: post of the business contact; None as for `node`.
        paper: number of the document that approved the leaf; None puts the leaf into quarantine.
    """

    tenant: str
    node: str | None
    kind: str
    zh: str
    en: str
    mlps: int
    technical: str | None
    business: str | None
    paper: str | None


@dataclass(frozen=True, slots=True)
class Taken:
    """What an import declares.

    Attributes:
        leaf: as it stands.
        declared: the estate with it.
        quarantined: the leaf, by itself or with its tenant.
        revision: of the declared files; saved by `save` alone.
    """

    tenant: str
    leaf: Standing
    declared: Estate
    quarantined: bool
    revision: rewrite.Revision


def take(folder: Path, estate: Estate, pool: Pool, state: LeafState, owner: Owner, day: date) -> Taken:
    """Prepare to declare an observed leaf as one of a tenant, new or known.

    Raises:
        UsageError: as `standing.look` and `require_unchanged`; or what is said of its owner is no such thing.
        ConflictError: the tenant's id names another file.
        DeclaredErrors: the files would not load with it.
    """
    leaf = look(estate, pool, state)
    imported = _checked(
        Imported,
        {
            "leaf": leaf.node,
            "since": day,
            "paper": {"doc": owner.paper} if owner.paper else None,
            "objects": leaf.objects,
            "without": [{"object": role, "since": day, "reason": REASON} for role in leaf.lacking],
        },
    )
    revision = rewrite.Revision(folder)
    tenant = owner.tenant
    if tenant in estate.tenants:
        revision.add_imported(tenant, imported)
    else:
        revision.add_tenant(_tenant(owner, imported, day))
    limit = estate.limit(f"tenant/{tenant}", pool.id)
    stated = {row.node: row.allotted or Amounts() for row in _rows(estate, tenant, pool.id)}
    revision.put_limit(f"tenant/{tenant}", pool.id, limit + _lacking(limit, stated, leaf.allotted))
    revision.add_baseline_row(
        BaselineRow(node=leaf.node, pool=pool.id, tenant=tenant, allotted=leaf.allotted)
    )
    declared = revision.preview()
    require_unchanged(leaf, declared, day)
    return Taken(tenant, leaf, declared, declared.tenants[tenant].frozen(leaf.node), revision)


def save(taken: Taken, store: Store, day: date, actor: str) -> Estate:
    """Enter it into the ledger, where that is opened, and then into the declared files; what they say then.

    Raises:
        ShortageError: the ledger has no room for what stands; it says whose limit is in the way.
        ConflictError: a file changed meanwhile.
        Whatever it is, the files are as they were.
    """
    declared, node = taken.declared, taken.leaf.node
    facts = accounts.facts(store.database, declared)
    if facts is not None:
        pool = taken.leaf.pool.id
        limit = facts.now.get(f"tenant/{taken.tenant} {pool}")
        held = shares(store.database) or {}
        charged = {
            each.node: held[each.node].charged
            for each in _rows(declared, taken.tenant, pool)
            if each.node in held
        }
        raised = _lacking(limit.amount if limit else Amounts(), charged, taken.leaf.allotted)
        opening.take_in(store, declared, node, raised, day, actor)
    return taken.revision.save()


def prove(spine: Spine, taken: Taken, actor: str) -> tuple[Change, ...]:
    """Accept what stands now; what a plan would change of it, quarantine or not.

    Nothing, unless somebody changed it after it was read. Raises as `Backend.read` does.

    Args:
        spine: over the estate as it was saved.
        taken: what was saved.
        actor: who imported it.
    """
    leaf = next(leaf for leaf in spine.leaves() if leaf.node == taken.leaf.node)
    accept(spine, leaf, tuple(ObjectClass), actor, "import")
    return spine.leaf_plan(replace(leaf, frozen=False)).changes


def _rows(estate: Estate, tenant: str, pool: str) -> Iterator[BaselineRow]:
    return (row for row in estate.leaf_rows if (row.tenant, row.pool) == (tenant, pool))


def _lacking(limit: Amounts, stated: Mapping[str, Amounts], more: Amounts) -> Amounts:
    """By how much a limit must rise to carry one leaf more."""
    return Amounts((total(iter(stated.values())) + more).excess_over(limit))


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
