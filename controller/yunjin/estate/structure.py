"""What holds between items beyond references: no circles, no name used twice, leaves where they belong.

Called by `yunjin.estate.loader`; calls the model alone. Rules that need a judgement stand in the policies.
"""

from __future__ import annotations

from ipaddress import AddressValueError, IPv4Network, NetmaskValueError
from typing import TYPE_CHECKING, Any, Final

from yunjin.errors import DeclaredError, Place, Text
from yunjin.estate.explain import similar
from yunjin.estate.nodes import dotted
from yunjin.model.amounts import Amounts, written
from yunjin.model.policies import POLICIES, relatives
from yunjin.model.programme import ALL
from yunjin.substrates.units import unbounded, unfit

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from yunjin.estate.diagnostics import Diagnostics
    from yunjin.estate.documents import Draft, Item
    from yunjin.estate.fields import Fields
    from yunjin.estate.nodes import Step
    from yunjin.model.centre import Endpoint, PolicyValue, Pool, Zone
    from yunjin.model.tenants import BaselineRow, Tenant


def check_structure(draft: Draft, fields: Fields, diagnostics: Diagnostics) -> None:
    """Record circles, names used twice, leaves out of place, tenants that hang nowhere."""
    checks = _Checks(draft, fields, diagnostics)
    for kind in ("bureau", "area"):
        checks.circles(kind, "parent")
        checks.circles(kind, "successor")
    checks.circles("programme", "follows")
    checks.bodies()
    checks.inner_ids()
    checks.group_of_all()
    checks.policies()
    checks.carried_tasks()
    checks.ranges()
    checks.pools()
    checks.owners()
    checks.leaves()


class _Checks:
    """The checks, over one draft."""

    def __init__(self, draft: Draft, fields: Fields, diagnostics: Diagnostics) -> None:
        self._items = draft.items
        self._known = draft.known
        self._unread = draft.unread
        self._fields = fields
        self._diagnostics = diagnostics

    def circles(self, kind: str, field: str) -> None:
        """Nobody is above, after or before itself."""
        above = {item.id: getattr(item.model, field) for item in self._items[kind].values()}
        for circle in find_circles(above):
            item = self._items[kind][circle[0]]
            path = " -> ".join((*circle, circle[0]))
            self._blame(
                item,
                (field,),
                Text(f"{field} 形成循环: {path}", f"{field} goes round in a circle: {path}"),
                remedy=Text("断开其中一处", "break it at one of these places"),
            )

    def bodies(self) -> None:
        """Bureaus and areas share one space of ids: lists and labels name both."""
        for item in self._items["area"].values():
            if place := self._known["bureau"].get(item.id):
                self._blame(item, ("id",), _taken(item.id, place), remedy=_OTHER_ID)

    def inner_ids(self) -> None:
        """Parts that others name by id, unique where they are looked up."""
        every = self._items
        self._unique((item, ("subsystems",)) for item in every["element"].values())
        self._unique((item, ("flows",)) for item in every["zone"].values())
        for item in every["tenant"].values():
            self._unique([(item, ("systems",))])
        for item in every["programme"].values():
            programme: Any = item.model
            self._unique([(item, ("tasks",)), (item, ("carried",))])
            self._unique((item, ("tasks", number, "functions")) for number in range(len(programme.tasks)))

    def _unique(self, lists: Iterable[tuple[Item, tuple[Step, ...]]]) -> None:
        seen: dict[str, tuple[Item, tuple[Step, ...]]] = {}
        for item, steps in lists:
            for number, part in enumerate(_at(item.model, steps)):
                where = (*steps, number, "id")
                first = seen.setdefault(part.id, (item, where))
                if first != (item, where):
                    place = self._fields.place(*first)
                    self._blame(item, where, _taken(part.id, place), remedy=_OTHER_ID)

    def group_of_all(self) -> None:
        """`ALL` means the leadership group, so a programme must state one."""
        programmes = self._items["programme"]
        if len(programmes) < len(self._known["programme"]) or "programme" in self._unread:
            return
        if any(getattr(item.model, "leadership", None) for item in programmes.values()):
            return
        for kind, field in (("element", "coop"), ("dataset", "users")):
            for item in self._items[kind].values():
                names: tuple[str, ...] = getattr(item.model, field)
                if ALL in names:
                    self._blame(
                        item,
                        (field, names.index(ALL)),
                        Text(
                            "ALL 指领导小组成员, 但没有行动计划写明领导小组",
                            "ALL is the leadership group, and no programme states one",
                        ),
                        remedy=Text(
                            "在行动计划中补上 leadership, 或逐一列出",
                            "add `leadership` to a programme, or list the bodies",
                        ),
                    )

    def policies(self) -> None:
        """What the machinery reads says what can be meant; a misspelt id would leave it to the default."""
        for item in self._items["policy"].values():
            policy: PolicyValue = item.model  # type: ignore[assignment]  # policies.yaml holds policies
            kind, known = POLICIES.get(policy.id), relatives(policy.id)
            if kind is None and known:
                names = ", ".join(known)
                self._blame(
                    item,
                    ("id",),
                    Text(f"没有 {policy.id} 这项策略", f"there is no policy {policy.id}"),
                    expected=Text(names, names),
                    remedy=similar(policy.id, known)
                    or Text("删除它, 或改正 id", "remove it, or mend the id"),
                )
            elif kind is not None and kind.read(policy) is None:
                shown = f"{policy.value!r} {policy.unit}".strip()
                self._blame(
                    item,
                    ("value",),
                    Text(f"策略 {policy.id} 不能是 {shown}", f"policy {policy.id} cannot be {shown}"),
                    expected=kind.expected,
                )

    def carried_tasks(self) -> None:
        """A task carried on is one of the programme that is followed."""
        for item in self._items["programme"].values():
            programme: Any = item.model
            earlier = self._tasks(programme.follows, frozenset({item.id}))
            for number, task in enumerate(programme.carried if earlier is not None else ()):
                if task.id not in (earlier or ()):
                    self._blame(
                        item,
                        ("carried", number, "id"),
                        Text(
                            f"{programme.follows} 没有 {task.id} 这项重点工作",
                            f"{programme.follows} has no task {task.id}",
                        ),
                        remedy=Text("改正编号", "mend the number"),
                    )

    def _tasks(self, name: str | None, seen: frozenset[str]) -> set[str] | None:
        """Ids of a programme's tasks, its own and those carried on; None where they cannot be known."""
        item = self._items["programme"].get(name) if name else None
        if item is None or item.id in seen:
            return None
        programme: Any = item.model
        return {task.id for task in (*programme.tasks, *programme.carried)}

    def ranges(self) -> None:
        """Addresses of zones are networks: four numbers up to 255, host bits zero."""
        for item in self._items["zone"].values():
            zone: Zone = item.model  # type: ignore[assignment]  # zones.yaml holds zones
            for number, cidr in enumerate(zone.cidrs):
                if (reason := _no_network(cidr)) is not None:
                    self._blame(
                        item,
                        ("cidrs", number),
                        Text(f"{cidr} 不是网段{reason.zh}", f"{cidr} is not a network{reason.en}"),
                        expected=Text("例如 10.10.0.0/16", "such as 10.10.0.0/16"),
                    )

    def pools(self) -> None:
        """On one endpoint a suffix leads to one pool, or two leaves of a tenant would bear one name."""
        seen: dict[tuple[str, str], Item] = {}
        for item in self._items["pool"].values():
            pool: Pool = item.model  # type: ignore[assignment]  # pools.yaml holds pools
            first = seen.setdefault((pool.endpoint, pool.suffix), item)
            if first is not item:
                place = self._fields.place(first, ("suffix",))
                self._blame(item, ("suffix",), _taken(pool.suffix, place), remedy=_OTHER_ID)

    def owners(self) -> None:
        """A tenant hangs below a bureau or an area; one in quarantine may wait for its place."""
        for item in self._items["tenant"].values():
            tenant: Tenant = item.model  # type: ignore[assignment]  # tenant files hold tenants
            if tenant.owner is None and tenant.quarantine is None:
                self._blame(
                    item,
                    ("owner",),
                    Text("没有归属, 也未隔离待核", "no owner, and not in quarantine"),
                    expected=_OWNER,
                    remedy=Text("填写 owner, 或加上 quarantine", "name the owner, or add `quarantine`"),
                )
            elif tenant.owner is not None and tenant.owner.partition("/")[0] not in ("bureau", "area"):
                message = Text(f"{tenant.owner} 不能作为归属", f"{tenant.owner} cannot own a tenant")
                self._blame(item, ("owner",), message, expected=_OWNER)

    def leaves(self) -> None:
        """A leaf is named after tenant and pool, or imported; it lies in one pool, on the pool's endpoint."""
        imported = self._imported()
        seen: dict[str, Item] = {}
        for item in self._items["baseline"].values():
            row: BaselineRow = item.model  # type: ignore[assignment]  # baseline.yaml holds rows
            if not row.is_leaf:
                continue
            first = seen.setdefault(row.node, item)
            if first is not item:
                place = self._fields.place(first, ("node",))
                self._blame(item, ("node",), _taken(row.node, place), remedy=_ONE_POOL)
            pool: Any = self._items["pool"].get(row.pool)
            if pool and row.tenant in self._items["tenant"] and self._stands(pool.model):
                self._leaf(item, row, pool.model, imported)

    def _stands(self, pool: Pool) -> bool:
        """Whether nothing is wrong with the pool's endpoint, or nothing is known of any."""
        return pool.endpoint in self._known["endpoint"] or "endpoint" in self._unread

    def _leaf(self, item: Item, row: BaselineRow, pool: Pool, imported: dict[str, str]) -> None:
        _, endpoint, name = row.node.split("/")
        owner = imported.get(row.node)
        if owner is not None and owner != row.tenant:
            self._blame(
                item,
                ("tenant",),
                Text(f"该命名空间/项目由 {owner} 导入", f"the leaf was imported by {owner}"),
                expected=Text(owner, owner),
            )
        wanted = name if owner else f"{row.tenant}-{pool.suffix}"
        if (endpoint, name) != (pool.endpoint, wanted):
            expected = f"leaf/{pool.endpoint}/{wanted}"
            self._blame(
                item,
                ("node",),
                Text(f"与用云单位和资源池不符: {row.node}", f"{row.node} does not fit its tenant and pool"),
                expected=Text(expected, expected),
                remedy=Text("改正 node, tenant 或 pool", "mend `node`, `tenant` or `pool`"),
            )
        if endpoint_of := self._items["endpoint"].get(pool.endpoint):
            of: Endpoint = endpoint_of.model  # type: ignore[assignment]  # endpoints.yaml holds endpoints
            self._enforceable(item, row.allotted or Amounts(), of.technology, imported=owner is not None)

    def _enforceable(self, item: Item, allotted: Amounts, technology: str, *, imported: bool) -> None:
        """What a cloud cannot hold in part is whole, and no zero stands that would not hold."""
        for dimension in () if imported else unbounded(technology, allotted):
            self._blame(
                item,
                ("allotted", dimension),
                Text(f"{dimension} 为 0 在集群上不起限制作用", f"0 of {dimension} is no bound on a cluster"),
                remedy=Text(
                    "删除这一项; 不给存储的, 不写 storage", "remove it; who shall have none gets no `storage`"
                ),
            )
        for dimension in unfit(technology, allotted):
            shown = written(dimension, allotted[dimension])
            self._blame(
                item,
                ("allotted", dimension),
                Text(f"{shown} 不是整数单位", f"{shown} of {dimension} is no whole unit of OpenStack"),
                expected=Text("整核, 整 GiB", "whole cores, whole GiB"),
            )

    def _imported(self) -> dict[str, str]:
        """Tenant by imported leaf; also refuses what is no leaf, and a leaf imported twice."""
        first: dict[str, tuple[Item, int]] = {}
        for item in self._items["tenant"].values():
            tenant: Tenant = item.model  # type: ignore[assignment]  # tenant files hold tenants
            for number, part in enumerate(tenant.imported):
                steps = ("imported", number, "leaf")
                if not part.leaf.startswith("leaf/"):
                    message = Text(f"{part.leaf} 不是命名空间/项目", f"{part.leaf} is not a leaf")
                    self._blame(
                        item, steps, message, expected=Text("leaf/ENDPOINT/NAME", "leaf/ENDPOINT/NAME")
                    )
                elif first.setdefault(part.leaf, (item, number)) != (item, number):
                    other, position = first[part.leaf]
                    place = self._fields.place(other, ("imported", position, "leaf"))
                    self._blame(item, steps, _taken(part.leaf, place), remedy=_ONE_TENANT)
        return {leaf: item.id for leaf, (item, _) in first.items()}

    def _blame(
        self,
        item: Item,
        steps: tuple[Step, ...],
        message: Text,
        *,
        expected: Text | None = None,
        remedy: Text | None = None,
    ) -> None:
        place = self._fields.place(item, steps)
        told = remedy or Text("按要求改写", "write what is expected")
        self._diagnostics.add(
            DeclaredError(place, message, field=dotted(steps), expected=expected, remedy=told)
        )


def find_circles(above: dict[str, str | None]) -> list[tuple[str, ...]]:
    """Every circle in a map from each name to the one above it, once."""
    circles: list[tuple[str, ...]] = []
    finished: set[str] = set()
    for start in above:
        trail: dict[str, None] = {}
        name: str | None = start
        while name is not None and name not in finished and name not in trail:
            trail[name] = None
            name = above.get(name)
        if name is not None and name in trail:
            names = list(trail)
            circles.append(tuple(names[names.index(name) :]))
        finished |= set(trail)
    return circles


def _at(model: Any, steps: Sequence[Step]) -> Iterable[Any]:
    value = model
    for step in steps:
        value = value[step] if isinstance(step, int) else getattr(value, step)
    parts: Iterable[Any] = value
    return parts


def _no_network(cidr: str) -> Text | None:
    try:
        IPv4Network(cidr)
    except (AddressValueError, NetmaskValueError):
        return Text("", "")
    except ValueError:
        right = IPv4Network(cidr, strict=False)
        return Text(f", 主机位不为零; 应为 {right}", f": its host bits are set; the network is {right}")
    return None


def _taken(name: str, place: Place) -> Text:
    return Text(f"{name} 已在 {place} 使用", f"{name} is already used at {place}")


_OTHER_ID: Final = Text("换一个", "choose another one")
_ONE_POOL: Final = Text("一个命名空间/项目只在一个资源池", "a leaf lies in one pool: remove one of the rows")
_ONE_TENANT: Final = Text(
    "一个命名空间/项目只属于一个用云单位", "a leaf belongs to one tenant: remove one of the two"
)
_OWNER: Final = Text("bureau/ID 或 area/ID", "bureau/ID or area/ID")
