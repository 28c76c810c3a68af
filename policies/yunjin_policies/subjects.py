"""What findings call the things they speak of, and who carries on for a body that has ended.

Used by every family of rules; calls `yunjin.model`. Promises names as borne on the business date.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from yunjin.errors import Text
from yunjin.model.formats import date_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import date

    from yunjin.errors import Place
    from yunjin.model.centre import Pool
    from yunjin.model.organisation import Area, Bureau
    from yunjin.model.tenants import BaselineRow, Tenant
    from yunjin.policy import Facts


def on_cloud(facts: Facts, pool: Pool) -> bool:
    """Whether its leaves are projects."""
    return facts.estate.endpoints[pool.endpoint].technology == "openstack"


def projects(facts: Facts, spared: Callable[[str], bool]) -> Iterator[BaselineRow]:
    """Rows of projects, but of imported ones that go without a standard object that is spared."""
    estate = facts.estate
    bare = {
        part.leaf
        for tenant in estate.tenants.values()
        for part in tenant.imported
        if any(spared(lack.object) for lack in part.without)
    }
    for row in estate.leaf_rows:
        if on_cloud(facts, estate.pools[row.pool]) and row.node not in bare:
            yield row


def node_text(facts: Facts, node: str) -> Text:
    """A node of the quota tree; a tenant with its id, because it often bears its bureau's name."""
    kind, _, item = node.partition("/")
    if kind == "leaf":
        endpoint, _, name = item.partition("/")
        kind_of = facts.estate.leaf_word(endpoint)
        return Text(f"{kind_of.zh} {name} ", f"{kind_of.en} {name}")
    name_of = facts.estate.owner_name(node, facts.as_of)
    if kind == "tenant":
        return Text(f"用云单位{name_of.zh}({item})", f"tenant {name_of.en} ({item})")
    return name_of


def tenant_text(facts: Facts, tenant: Tenant) -> Text:
    """A tenant by its name and id."""
    return node_text(facts, f"tenant/{tenant.id}")


def day_text(day: date) -> Text:
    """A day in both languages."""
    return Text(date_text(day, "zh"), date_text(day, "en"))


def tenant_place(facts: Facts, tenant: Tenant) -> Place | None:
    """Where a tenant is declared."""
    return facts.estate.place("tenant", tenant.id)


def in_being(facts: Facts, body: str) -> bool:
    """Whether a bureau or area of that id exists on the business date, or one that it was made of.

    Declared files name the bodies of today. On a day before one was founded, those it carries on for stand
    for it.
    """
    holder = _holder(facts, body)
    if holder is None or holder.valid.start is None or holder.valid.start <= facts.as_of:
        return holder is not None and holder.valid.holds(facts.as_of)
    every: tuple[Bureau | Area, ...] = (*facts.estate.bureaus.values(), *facts.estate.areas.values())
    return any(each.valid.holds(facts.as_of) and body in successors(facts, each.id) for each in every)


def carried_on_by(facts: Facts, body: str) -> str | None:
    """The first successor of a body that exists on the business date; None where the line breaks off."""
    return next((heir for heir in successors(facts, body) if in_being(facts, heir)), None)


def successors(facts: Facts, body: str) -> tuple[str, ...]:
    """Who carried on for a body, one after the other, whatever the day."""
    found: list[str] = [body]
    while (holder := _holder(facts, found[-1])) and holder.successor and holder.successor not in found:
        found.append(holder.successor)
    return tuple(found[1:])


def _holder(facts: Facts, body: str) -> Bureau | Area | None:
    return facts.estate.bureaus.get(body) or facts.estate.areas.get(body)
