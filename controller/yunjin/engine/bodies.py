"""Whether a reorganisation can be meant: bodies that exist, ids that are free, tenants and leads as it says.

Used by `reorganisation`. Calls the model alone. Promises a refusal in both languages that names the body.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from yunjin.errors import RefusalError, Text, UsageError
from yunjin.ledger.reorganise import MERGE, SPLIT, TRANSFER

if TYPE_CHECKING:
    from datetime import date

    from yunjin.engine.reorganised import Change
    from yunjin.model.estate import Estate
    from yunjin.model.organisation import Area, Bureau

_SHOW: Final = Text("用 yunjin bureau list 核对编号", "check the id with `yunjin bureau list`")


class Bodies:
    """The bodies of a city on the day a change takes effect."""

    def __init__(self, estate: Estate, day: date) -> None:
        self._estate = estate
        self._day = day

    def node(self, body: str) -> str:
        """The node of a bureau or area. Raises UsageError where nobody declares it."""
        if body in self._estate.bureaus:
            return f"bureau/{body}"
        if body in self._estate.areas:
            return f"area/{body}"
        raise UsageError(Text(f"没有部门或县区(园区) {body}", f"there is no bureau or area {body}"), _SHOW)

    def known(self, body: str) -> bool:
        """Whether the id is or was in use."""
        return body in self._estate.bureaus or body in self._estate.areas

    def require(self, change: Change) -> None:
        """Refuse what cannot be meant. Raises UsageError, RefusalError."""
        nodes = [*change.sources, *([] if change.terms.get("new") else [change.into])]
        for node in nodes:
            self._require_there(node)
        if change.kind in (MERGE, SPLIT, TRANSFER):
            self._require_apart(change)
        if change.terms.get("new"):
            self._require_free(change.into.partition("/")[2])
        for tenant in change.terms.get("tenants", ()):
            self._require_tenant(tenant.partition("/")[2], change.sources[0])
        if change.kind == SPLIT and not change.terms["tenants"]:
            raise UsageError(
                Text("划分须写明划转的用云单位", "a split names the tenants that go"),
                Text("用 --tenants 写明", "name them with --tenants"),
            )
        if change.kind == TRANSFER:
            self._require_lead(str(change.terms["element"]), change.sources[0])

    def _require_there(self, node: str) -> None:
        body = node.partition("/")[2]
        self.node(body)
        holder = self._holder(body)
        if not holder.valid.holds(self._day):
            name = holder.name(self._day)
            heir = holder.successor
            raise RefusalError(
                Text(
                    f"{name.zh}({body})在 {self._day} 不存在" + (f", 已由 {heir} 承接" if heir else ""),
                    f"{name.en} ({body}) does not exist on {self._day}"
                    + (f"; {heir} carries on for it" if heir else ""),
                ),
                Text("换成现有的部门", "name a body that exists then"),
            )

    def _holder(self, body: str) -> Bureau | Area:
        return self._estate.bureaus.get(body) or self._estate.areas[body]

    def _require_apart(self, change: Change) -> None:
        """Two bodies, of one kind: a bureau's seat is not an area's."""
        if change.into in change.sources or len(set(change.sources)) < len(change.sources):
            raise UsageError(
                Text(f"{change.into} 重复出现", f"{change.into} is named twice"),
                Text("每个部门只写一次", "name each body once"),
            )
        kinds = {node.partition("/")[0] for node in (*change.sources, change.into)}
        if len(kinds) > 1:
            raise RefusalError(
                Text("部门与县区(园区)之间不能合并、划分或移交", "bureaus and areas do not merge or divide"),
                Text("改为划转用云单位的归属", "change the owner of single tenants instead"),
            )

    def _require_free(self, body: str) -> None:
        if self.known(body):
            raise RefusalError(
                Text(f"编号 {body} 已用过", f"the id {body} is or was in use"),
                Text("编号不得重复使用, 请换一个", "ids are never used again, choose another"),
            )

    def _require_tenant(self, tenant: str, owner: str) -> None:
        found = self._estate.tenants.get(tenant)
        if found is None or found.owner != owner:
            raise UsageError(
                Text(f"{tenant} 不是 {owner} 的用云单位", f"{tenant} is no tenant of {owner}"),
                Text("用 yunjin bureau show 核对所属用云单位", "`yunjin bureau show` lists its tenants"),
            )

    def _require_lead(self, element: str, node: str) -> None:
        found = self._estate.elements.get(element)
        if found is None:
            raise UsageError(
                Text(f"没有建设任务 {element}", f"there is no element {element}"),
                Text("用 yunjin element list 核对编号", "check the id with `yunjin element list`"),
            )
        if not node.startswith("bureau/") or found.lead != node.partition("/")[2]:
            raise RefusalError(
                Text(f"{found.zh}不由 {node} 牵头", f"{node} does not lead {found.en}"),
                Text("用 yunjin element show 核对牵头部门", "`yunjin element show` says who leads it"),
            )
