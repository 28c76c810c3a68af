"""The Estate: everything declared, immutable, indexed by id, with the place of every item.

Made by `yunjin.estate.load`; read by rules, plan, reports and the command line. Calls nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from yunjin.errors import Place, Text
from yunjin.model.amounts import Amounts
from yunjin.model.programme import ALL, AREAS, Element, Leadership, Programme, Task
from yunjin.model.tenancy import Leaf, Share
from yunjin.model.words import word

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date

    from yunjin.model.centre import DataSet, Endpoint, Flow, PolicyValue, Pool, Price, Zone
    from yunjin.model.organisation import Area, Bureau
    from yunjin.model.tenants import BaselineRow, Tenant

CITY = "city"
_NOTHING = Share(Amounts(), Amounts(), Amounts())


@dataclass(frozen=True)
class Estate:
    """All declared documents of one city.

    Attributes:
        digest: sha256 over paths and contents of the files it was read from.
        places: (kind, id) to where the item begins.
        warnings: oddities of the documents that were mended while loading, such as a bureau named twice.
    """

    bureaus: Mapping[str, Bureau]
    areas: Mapping[str, Area]
    elements: Mapping[str, Element]
    programmes: Mapping[str, Programme]
    zones: Mapping[str, Zone]
    endpoints: Mapping[str, Endpoint]
    pools: Mapping[str, Pool]
    datasets: Mapping[str, DataSet]
    policies: Mapping[str, PolicyValue]
    prices: Mapping[str, Price]
    tenants: Mapping[str, Tenant]
    baseline: Mapping[str, BaselineRow]
    places: Mapping[tuple[str, str], Place]
    digest: str
    warnings: tuple[tuple[Place, Text], ...] = field(default=())

    def place(self, kind: str, item: str) -> Place | None:
        """Where an item stands; None for one that no file declares."""
        return self.places.get((kind, item))

    def owner_name(self, node: str, day: date) -> Text:
        """What people call a node of the quota tree on `day`."""
        kind, _, item = node.partition("/")
        if kind == "bureau" and item in self.bureaus:
            return self.bureaus[item].name(day)
        if kind == "area" and item in self.areas:
            return self.areas[item].name(day)
        if kind == "tenant" and item in self.tenants:
            return self.tenants[item].name(day)
        return Text("全市", "the city") if node == CITY else Text(node, node)

    def body_name(self, body: str, day: date) -> Text:
        """What people call a bureau or an area on `day`."""
        return self.owner_name(f"{'area' if body in self.areas else 'bureau'}/{body}", day)

    def parent(self, node: str) -> str | None:
        """The node above in the quota tree; None above the city."""
        if node == CITY:
            return None
        kind, _, item = node.partition("/")
        if kind == "leaf":
            tenant = self._tenant_of_leaf.get(node)
            return f"tenant/{tenant}" if tenant else CITY
        if kind == "tenant":
            return self.tenants[item].owner or CITY
        body = self.bureaus.get(item) if kind == "bureau" else self.areas.get(item)
        return f"{kind}/{body.parent}" if body and body.parent else CITY

    def tasks(self, programme: str) -> tuple[Task, ...]:
        """Tasks of a programme: those it carries on, as first worded but for the date, then its own."""
        plan = self.programmes[programme]
        earlier = {task.id: task for task in self.tasks(plan.follows)} if plan.follows else {}
        carried = (earlier[part.id].model_copy(update={"due": part.due}) for part in plan.carried)
        return (*carried, *plan.tasks)

    @cached_property
    def leadership(self) -> Leadership | None:
        """The leadership group, of the earliest programme that states one; a plan that follows keeps it."""
        plans = [plan for plan in self.programmes.values() if plan.leadership]
        plans.sort(key=lambda plan: (plan.follows is not None, plan.demo, plan.id))
        return plans[0].leadership if plans else None

    def expand(self, names: Iterable[str]) -> tuple[str, ...]:
        """Ids behind names of bureaus, areas and groups, in order, each once.

        `AREAS` is every declared area directly below the city, `ALL` the members of the leadership group and
        its areas.
        """
        ids: dict[str, None] = {}
        for name in names:
            if name == AREAS:
                ids |= dict.fromkeys(area.id for area in self.areas.values() if area.parent is None)
            elif name == ALL:
                group = self.leadership
                ids |= dict.fromkeys(self.expand((*group.members, *group.areas)) if group else ())
            else:
                ids[name] = None
        return tuple(ids)

    def cooperating(self, element: Element) -> tuple[str, ...]:
        """Ids of the bureaus and areas that cooperate in an element, groups expanded, without its lead."""
        return tuple(body for body in self.expand(element.coop) if body != element.lead)

    @cached_property
    def _tenant_of_leaf(self) -> dict[str, str | None]:
        return {row.node: row.tenant for row in self.leaf_rows}

    @cached_property
    def leaf_rows(self) -> tuple[BaselineRow, ...]:
        """Baseline rows of namespaces and projects."""
        return tuple(row for row in self.baseline.values() if row.is_leaf)

    def limit(self, node: str, pool: str) -> Amounts:
        """A node's declared limit in a pool; nothing recorded is no quota."""
        row = self.baseline.get(f"{node} {pool}")
        return row.limit if row and row.limit else Amounts()

    def leaf_word(self, endpoint: str) -> Text:
        """What people call a leaf of an endpoint: a namespace or a project."""
        found = self.endpoints.get(endpoint)
        return word(f"leaf.{found.technology}" if found else "leaf")

    def cidrs(self, endpoint: str) -> dict[str, tuple[str, ...]]:
        """Addresses of each zone in which an endpoint has a pool."""
        zones = sorted({pool.zone for pool in self.pools.values() if pool.endpoint == endpoint})
        return {zone: self.zones[zone].cidrs for zone in zones}

    def leaves(self, day: date, shares: Mapping[str, Share] | None = None) -> tuple[Leaf, ...]:
        """Every leaf of the baseline, resolved for `day`, in the order of endpoint and name.

        Args:
            day: the business date.
            shares: by node, what the ledger holds of each; a leaf that is missing there gets nothing. None
                before the baseline has entered the ledger: its own figures count.
        """
        cidrs = {zone.id: zone.cidrs for zone in self.zones.values()}
        flows: dict[str, tuple[Flow, ...]] = {
            zone: tuple(
                flow
                for other in self.zones.values()
                for flow in other.flows
                if zone in (flow.origin, flow.target) and day < flow.expires
            )
            for zone in self.zones
        }
        leaves = [self._leaf(row, _share(row, shares), cidrs, flows) for row in self.leaf_rows]
        return tuple(sorted(leaves, key=lambda leaf: (leaf.endpoint, leaf.name)))

    def _leaf(
        self,
        row: BaselineRow,
        share: Share,
        cidrs: Mapping[str, tuple[str, ...]],
        flows: Mapping[str, tuple[Flow, ...]],
    ) -> Leaf:
        tenant, pool = self.tenants[str(row.tenant)], self.pools[row.pool]
        imported = next((part for part in tenant.imported if part.leaf == row.node), None)
        return Leaf(
            name=row.node.rpartition("/")[2],
            endpoint=pool.endpoint,
            pool=pool.id,
            zone=pool.zone,
            tenant=tenant.id,
            bureau=self.bureau_of(tenant),
            allotted=share.planned,
            charged=share.charged,
            limit_percent=pool.limit_percent,
            node_selector=pool.node_selector,
            cidrs=cidrs,
            flows=flows[pool.zone],
            place=self.places[("baseline", row.key)],
            protected=tenant.protected,
            imported=imported is not None,
            frozen=tenant.frozen(row.node),
            renamed={str(role): name for role, name in imported.objects.items()} if imported else {},
            without=frozenset(part.object for part in imported.without) if imported else frozenset(),
            xc=pool.xc,
        )

    @staticmethod
    def bureau_of(tenant: Tenant) -> str:
        """Id of the bureau or area a tenant hangs below, for labels; `unknown` in quarantine."""
        return tenant.owner.rpartition("/")[2] if tenant.owner else "unknown"


def _share(row: BaselineRow, shares: Mapping[str, Share] | None) -> Share:
    if shares is not None:
        return shares.get(row.node, _NOTHING)
    own = row.allotted or Amounts()
    return Share(own, own, Amounts())
