"""Who uses the centre, and how much of it each may use.

Filled by `yunjin.estate` from tenants/ID.yaml and baseline.yaml. Calls nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from yunjin.model.amounts import Amounts
from yunjin.model.declared import Basis, DatedName, Day, Declared, Id, Line, Named, name_on

if TYPE_CHECKING:
    from datetime import date

    from yunjin.errors import Text

NodeId = Annotated[
    str,
    StringConstraints(
        pattern=r"^(city|(bureau|area|tenant)/[a-z0-9-]{1,50}"
        r"|leaf/[a-z0-9-]{1,50}/[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)$"
    ),
]
Role = Literal[
    "quota",
    "limits",
    "network-deny",
    "network-base",
    "network-flows",
    "role-admin",
    "role-viewer",
    "namespace",
]
"""What a standard object is for, whatever the technology."""
Importance = Literal["ordinary", "important", "critical"]


class Contact(Declared):
    """Whom to call, by post: persons change, posts remain."""

    role: Literal["technical", "business"]
    post: Line
    phone: str = Field(default="", max_length=40)


class Group(Declared):
    """Part of a system: what it is for and in which pool it stands."""

    use: Literal["web", "app", "middleware", "database"]
    pool: Id


class System(Named):
    """A system a tenant runs or will run.

    Attributes:
        importance: who keeps what is borrowed the longest when a pool is short.
        secret: whether it holds state secrets; such a system is refused.
    """

    id: Id
    element: Id | None = None
    stage: Literal["planned", "trial", "production"] = "planned"
    importance: Importance = "ordinary"
    secret: bool = False
    groups: tuple[Group, ...] = ()


class Without(Declared):
    """A standard object that an imported namespace or project goes without, for now."""

    object: Role
    since: Day
    reason: Line


class Paper(Basis):
    """The document that approved something; at least its number is known."""

    doc: Line


class Imported(Declared):
    """A namespace or project that stood before Yunjin came; it keeps its name.

    Attributes:
        paper: what approved it; until that is known it is in quarantine, whatever its tenant is.
        objects: role to the name the object already has.
        without: standard objects it lacks.
    """

    leaf: NodeId
    since: Day
    paper: Paper | None = None
    objects: dict[Role, Line] = Field(default_factory=dict)
    without: tuple[Without, ...] = ()


class Quarantine(Declared):
    """Counted, never changed and never ranked, until bureau and contacts are known."""

    since: Day
    reason: Line


class Tenant(Declared):
    """A bureau's, area's, line's, institution's or enterprise's share of the centre.

    Attributes:
        owner: node it hangs below: `bureau/ID` or `area/ID`.
        mlps: 等保 level of what it runs.
        protected: never removed.
        platforms: elements whose level platform it runs.
    """

    id: Id
    names: Annotated[tuple[DatedName, ...], Field(min_length=1)]
    kind: Literal["bureau", "area", "line", "institution", "enterprise"]
    owner: NodeId | None
    mlps: Annotated[int, Field(ge=1, le=5)]
    contacts: tuple[Contact, ...] = ()
    protected: bool = False
    platforms: tuple[Id, ...] = ()
    systems: tuple[System, ...] = ()
    imported: tuple[Imported, ...] = ()
    quarantine: Quarantine | None = None

    def name(self, day: date) -> Text:
        """The name on `day`."""
        return name_on(self.names, day)

    def frozen(self, leaf: str) -> bool:
        """Whether a leaf of it is in quarantine, with the whole tenant or for want of its own paper."""
        return self.quarantine is not None or any(
            part.leaf == leaf and part.paper is None for part in self.imported
        )


class BaselineRow(Declared):
    """Figures of one node in one pool, as the opening baseline states them.

    Inner nodes carry limit and guarantee, leaves carry allotted.
    """

    node: NodeId
    pool: Id
    limit: Amounts | None = None
    guarantee: Amounts | None = None
    tenant: Id | None = None
    allotted: Amounts | None = None

    @property
    def is_leaf(self) -> bool:
        """Whether the row is of a namespace or project."""
        return self.node.startswith("leaf/")

    @property
    def key(self) -> str:
        """What makes it one: node and pool."""
        return f"{self.node} {self.pool}"

    @model_validator(mode="after")
    def _figures_of_its_kind(self) -> BaselineRow:
        if self.is_leaf and (self.allotted is None or self.tenant is None or self.limit or self.guarantee):
            zh = "命名空间/项目的行须有且只有 tenant 和 allotted"
            raise PydanticCustomError(
                "leaf_row", "a leaf carries `tenant` and `allotted`, nothing else", {"zh": zh}
            )
        if not self.is_leaf and (self.limit is None or self.allotted is not None or self.tenant is not None):
            zh = "上级节点的行须有 limit, 可有 guarantee, 不得有其他"
            raise PydanticCustomError(
                "inner_row", "an inner node carries `limit` and `guarantee`, nothing else", {"zh": zh}
            )
        return self
