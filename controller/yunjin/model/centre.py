"""What there is to run on: zones, endpoints, pools, data sets, policy values and prices.

Filled by `yunjin.estate` from the files of the same names. Calls nothing.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field, StringConstraints

from yunjin.model.amounts import Amounts, Dimension
from yunjin.model.declared import Basis, Day, Declared, Id, Line, Named, Source

Cidr = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,3}(\.[0-9]{1,3}){3}/[0-9]{1,2}$")]
Access = Annotated[
    str, StringConstraints(pattern=r"^(simulated|env:[A-Z][A-Z0-9_]*|file:.+)(#[\w.@:/-]+)?$", max_length=300)
]
Bounded = Annotated[str, StringConstraints(pattern=r"^(cpu|memory)$")]
_WORD = r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?"
Label = Annotated[str, StringConstraints(pattern=rf"^([a-z0-9]([a-z0-9.-]{{0,251}}[a-z0-9])?/)?{_WORD}$")]
LabelValue = Annotated[str, StringConstraints(pattern=rf"^({_WORD})?$")]

SUBNET_LENGTH: Final = 24
"""Of the network that each project gets out of its zone's addresses."""


class Flow(Declared):
    """One approved way between zones. Nothing that is not listed passes."""

    id: Id
    origin: Id = Field(alias="from")
    target: Id = Field(alias="to")
    protocol: Literal["TCP", "UDP"]
    port: Annotated[int, Field(ge=1, le=65535)]
    approval: Line
    expires: Day


class Zone(Named):
    """A part of the network with its own reach and its own protection level.

    Attributes:
        mlps: the highest 等保 level of a tenant it may carry.
        databases: whether a database may stand in it.
    """

    id: Id
    mlps: Annotated[int, Field(ge=1, le=4)]
    databases: bool
    cidrs: tuple[Cidr, ...] = ()
    flows: tuple[Flow, ...] = ()
    basis: Basis | None = None


class Endpoint(Named):
    """One cluster or one cloud.

    Attributes:
        access: `simulated`, or where the credentials are: `env:NAME`, `file:PATH`, with `#CONTEXT`.
        state: `planned` is never observed.
        pool_binding: how namespaces are bound to their pool's nodes; `node-selector` is the annotation of
            PodNodeSelector, `admission-policy` a MutatingAdmissionPolicy where that plugin cannot be enabled.
        token_cache_seconds: for how long a cloud's services remember that they accepted a token, the longest
            `token_cache_time` among them. Nothing said means keystonemiddleware's own 300.
    """

    id: Id
    technology: Literal["kubernetes", "openstack"]
    state: Literal["live", "planned"]
    access: Access
    pool_binding: Literal["node-selector", "admission-policy"] = "node-selector"
    token_cache_seconds: Annotated[int, Field(ge=0, le=86400)] | None = None


class Pool(Named):
    """Supply of one endpoint in one zone.

    Attributes:
        suffix: what a tenant's namespace or project in this pool is called after the tenant.
        supply: declared only while no server records exist.
        reserve: kept back for the loss of hosts.
        overcommit_percent: how much of the supply may be promised; 100 where nothing is said.
        limit_percent: what `limits.*` may be of `requests.*`.
        node_selector: labels of its nodes.
    """

    id: Id
    endpoint: Id
    zone: Id
    suffix: Id
    xc: bool = False
    supply: Amounts
    reserve: Amounts = Amounts()
    overcommit_percent: dict[Dimension, Annotated[int, Field(ge=1, le=1000)]] = Field(default_factory=dict)
    limit_percent: dict[Bounded, Annotated[int, Field(ge=100, le=1000)]] = Field(default_factory=dict)
    node_selector: dict[Label, LabelValue] = Field(default_factory=dict)
    basis: Basis | None = None

    def bound(self) -> Amounts:
        """How much may be promised in all: floor((supply - reserve) x percent / 100)."""
        return Amounts(
            {
                d: max(
                    0, (self.supply.of(d) - self.reserve.of(d)) * self.overcommit_percent.get(d, 100) // 100
                )
                for d in self.supply
            }
        )


class DataSet(Named):
    """A shared data set: who answers for it, who uses it.

    Attributes:
        steward: bureau or area that answers for it; None where the one that would is not named in the plan.
        warehouse: one of the seven databases of task T02.
    """

    id: Id
    steward: tuple[Id, ...] = ()
    users: tuple[str, ...] = ()
    warehouse: bool = False
    source: Source


class PolicyValue(Named):
    """A figure or a choice that the city sets, with what it rests on."""

    id: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9.-]{0,60}$")]
    value: int | str
    unit: str = ""
    basis: Basis = Basis()


class Price(Named):
    """A unit price in integer fen, for show-back 费用测算 alone."""

    id: Id
    fen: Annotated[int, Field(ge=0, le=10**12)]
    per: Line
    valid_from: Day
    valid_to: Day | None = None
    basis: Basis = Basis()
