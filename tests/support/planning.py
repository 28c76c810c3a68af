"""Small cities built in memory, planned against simulated endpoints and carried out without an apply.

Used by tests of plan and observe. Calls the planner and the simulated backend alone, so that a plan is tested
by what it says.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from estates import synthetic_estate
from yunjin.errors import Place, YunjinError
from yunjin.model.amounts import CPU, Amounts
from yunjin.model.change import Binding
from yunjin.model.tenants import BaselineRow, Imported, Paper, Quarantine, Without
from yunjin.observe import observe_all
from yunjin.plan import make_plan
from yunjin.substrates.kubernetes.translate import KubernetesTranslator

if TYPE_CHECKING:
    from collections.abc import Sequence

    from yunjin.model.change import Change, Plan
    from yunjin.model.estate import Estate
    from yunjin.model.resources import Key
    from yunjin.model.tenants import Role, Tenant
    from yunjin.observe import Observations
    from yunjin.substrates.simulated.backend import SimulatedBackend

DAY = date(2026, 11, 22)
NOON = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
ENDPOINT = "k8s-egov"
OTHER = "k8s-other"
TRANSLATOR = KubernetesTranslator()
_MODEL = synthetic_estate(1)
(_TENANT,) = _MODEL.tenants.values()
(_ROW,) = _MODEL.leaf_rows


@dataclass(frozen=True)
class Member:
    """A tenant of the city and its one leaf, `ID-egov`.

    Attributes:
        cpu: millicores allotted.
        granted: whether the baseline has its leaf.
        declared: whether it has a file.
        without: standard objects its imported namespace lacks.
    """

    id: str
    cpu: int = 4000
    granted: bool = True
    declared: bool = True
    protected: bool = False
    quarantined: bool = False
    imported: bool = False
    without: tuple[Role, ...] = ()
    endpoint: str = ENDPOINT

    @property
    def leaf(self) -> str:
        """Name of its namespace."""
        return f"{self.id}-egov"

    @property
    def node(self) -> str:
        """Its leaf in the quota tree."""
        return f"leaf/{self.endpoint}/{self.leaf}"

    def tenant(self) -> Tenant:
        """As its file declares it."""
        return _TENANT.model_copy(
            update={
                "id": self.id,
                "protected": self.protected,
                "quarantine": Quarantine(since=DAY, reason="待核") if self.quarantined else None,
                "imported": (self._imported(),) if self.imported else (),
            }
        )

    def _imported(self) -> Imported:
        lacks = tuple(Without(object=role, since=DAY, reason="既有") for role in self.without)
        return Imported(leaf=self.node, since=DAY, paper=Paper(doc="盘政务云〔2026〕7号"), without=lacks)

    def row(self) -> BaselineRow:
        """As the baseline grants it."""
        allotted = Amounts({**(_ROW.allotted or {}), CPU: self.cpu})
        return BaselineRow(node=self.node, pool=self.endpoint, tenant=self.id, allotted=allotted)


def city(*members: Member) -> Estate:
    """The estate of these members, on one endpoint or two."""
    rows = {member.row().key: member.row() for member in members if member.granted and member.declared}
    names = sorted({ENDPOINT, *(member.endpoint for member in members)})
    (endpoint,), (pool,) = _MODEL.endpoints.values(), _MODEL.pools.values()
    return replace(
        _MODEL,
        endpoints={name: endpoint.model_copy(update={"id": name}) for name in names},
        pools={name: pool.model_copy(update={"id": name, "endpoint": name}) for name in names},
        tenants={member.id: member.tenant() for member in members if member.declared},
        baseline=rows,
        places={("baseline", key): Place(Path("tenants/baseline.yaml"), 3, 3) for key in rows},
    )


def observed(*backends: SimulatedBackend) -> Observations:
    """All that these endpoints hold."""
    return observe_all({backend.endpoint: backend for backend in backends}, lambda: NOON)


def plan_of(estate: Estate, observations: Observations) -> Plan:
    """The plan for every endpoint of the estate."""
    return make_plan(
        estate,
        DAY,
        observations,
        dict.fromkeys(estate.endpoints, TRANSLATOR),
        {name: Binding("kubernetes", "simulated", None) for name in estate.endpoints},
    )


def plan(estate: Estate, *backends: SimulatedBackend) -> Plan:
    """Observe and plan."""
    return plan_of(estate, observed(*backends))


def carry_out(planned: Plan, *backends: SimulatedBackend) -> list[tuple[Change, YunjinError]]:
    """Make every change in the plan's order. Returns those that were refused, and why."""
    refused = []
    for change in planned.changes:
        for backend in backends:
            if backend.endpoint == change.key.endpoint:
                try:
                    backend.write(change, backend.read([change.key]).get(change.key))
                except YunjinError as error:
                    refused.append((change, error))
    return refused


def provide(estate: Estate, *backends: SimulatedBackend) -> None:
    """Bring endpoints to what an estate wants."""
    assert carry_out(plan(estate, *backends), *backends) == []


def keys(changes: Sequence[Change]) -> list[Key]:
    """What changes are about, in their order."""
    return [change.key for change in changes]
