"""A small declared city on a simulated endpoint, all that a spine needs, and the people who change things.

Used by tests of `yunjin.engine`. Calls the engine as the command line does: files in a folder, a state
folder, the rules of the city. What other people do goes through the simulated backend's own doors.
"""

from __future__ import annotations

from contextlib import contextmanager
from datetime import date
from typing import TYPE_CHECKING, Any, Self

import states
from estates import city, document, write_estate
from yunjin.apply import Settings
from yunjin.engine.endpoints import accesses, connect
from yunjin.engine.spine import Spine
from yunjin.estate import load, rewrite
from yunjin.ledger import GrantTerms, Ledger, shares
from yunjin.ledger.shares import shares_of
from yunjin.model.amounts import Amounts
from yunjin.model.resources import Key
from yunjin.store import Store
from yunjin.substrates.simulated.backend import SimulatedBackend
from yunjin_policies import RULES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from clocks import Clock
    from estates import Items
    from yunjin.model.change import Receipt
    from yunjin.model.estate import Estate
    from yunjin.model.tenancy import Share

DAY = date(2026, 11, 22)
ENDPOINT, POOL, LEAF = "k8s", "k8s-egov", "jtj-egov"
QUICK = Settings(backoff=0.01, poll=0.01, wait_quota=0.3, lock_timeout=0.1)


def policies(**drift: str) -> list[dict[str, Any]]:
    """The city's policies, with what is to be done about drift of each class named."""
    chosen = [
        {"id": f"drift.{each}", "zh": "处理", "en": "drift", "value": value} for each, value in drift.items()
    ]
    return [*city()["policies"], *chosen]


def key(kind: str, name: str = "yunjin", leaf: str = LEAF) -> Key:
    """An object in a leaf."""
    return Key(ENDPOINT, leaf, kind, name)


def home(leaf: str = LEAF) -> Key:
    """A leaf's namespace."""
    return Key(ENDPOINT, "", "Namespace", leaf)


QUOTA = key("ResourceQuota")
DENY = key("NetworkPolicy", "yunjin-deny")
ADMIN = key("RoleBinding", "yunjin-admin")
CPU = ("spec", "hard", "requests.cpu")


class City:
    """Files, state and one endpoint in a folder.

    Attributes:
        people: the endpoint, for those who are not Yunjin.
    """

    def __init__(self, folder: Path, clock: Clock | None = None, **documents: Items | None) -> None:
        self._open(write_estate(folder / "tenants", **documents), states.begin(folder / "state"), clock)

    @classmethod
    def at(cls, folder: Path, clock: Clock | None = None) -> Self:
        """The city that lies in a folder already."""
        found = cls.__new__(cls)
        found._open(folder / "tenants", folder / "state", clock)
        return found

    def _open(self, tenants: Path, state: Path, clock: Clock | None) -> None:
        self.tenants = tenants
        self.state = state
        self._clock = clock
        self.people = SimulatedBackend.open(ENDPOINT, state / "simulated" / f"{ENDPOINT}.db")

    def estate(self) -> Estate:
        """As it is declared now."""
        return load(self.tenants)

    @contextmanager
    def spine(self, estate: Estate | None = None, day: date = DAY) -> Iterator[Spine]:
        """What one call of the command line opens."""
        declared = estate or self.estate()
        with self.store() as store, connect(declared, self.state, accesses(declared, None)) as endpoints:
            yield Spine(declared, day, endpoints, store, RULES)

    def apply(self, settings: Settings = QUICK) -> tuple[Receipt, ...]:
        """Plan and apply."""
        with self.spine() as spine:
            return spine.apply(spine.plan(), settings, "cloud-ops", lambda _: None)

    def write(self, **documents: Items) -> None:
        """Replace whole documents."""
        for name, items in documents.items():
            (self.tenants / f"{name}.yaml").write_text(document(name, items), "utf-8")

    @contextmanager
    def ledger(self) -> Iterator[Ledger]:
        """What an operator has when they grant and allot."""
        with self.store() as store:
            yield Ledger(store.database, store.now, "cloud-ops")

    def store(self) -> Store:
        """The state database; close it."""
        return Store.open(self.state, self._clock) if self._clock else Store.open(self.state)

    def write_tenant(self, item: dict[str, Any]) -> None:
        """Declare a tenant in a file of its own."""
        (self.tenants / f"{item['id']}.yaml").write_text(document("tenant", [item]), "utf-8")

    def allot(self, leaf: str = LEAF, **amounts: int | str) -> None:
        """Give a leaf these figures; the others stay."""
        with self.ledger() as ledger:
            ledger.allot(f"leaf/{ENDPOINT}/{leaf}", Amounts.parse(amounts))

    def declare(self, leaf: str = LEAF, **amounts: int | str) -> None:
        """Give the leaf's row of the baseline these figures; the others stay."""
        estate = self.estate()
        node = f"leaf/{ENDPOINT}/{leaf}"
        old = estate.baseline[f"{node} {POOL}"].allotted or Amounts()
        rewrite.set_allotted(self.tenants, node, POOL, Amounts({**old, **Amounts.parse(amounts)}))

    def grant(self, node: str, **amounts: int | str) -> None:
        """Raise a node's limit in the pool."""
        more = Amounts.parse(amounts)
        with self.ledger() as ledger:
            ledger.grant(GrantTerms("", node, more, {POOL: more}, DAY), DAY)

    def end_grants(self, *nodes: str) -> None:
        """End what the baseline granted to these nodes."""
        with self.ledger() as ledger:
            for node in nodes:
                ledger.end(f"opening/{node}/{POOL}", "test", DAY)

    def share(self, leaf: str = LEAF) -> Share:
        """What the ledger holds of a leaf."""
        node = f"leaf/{ENDPOINT}/{leaf}"
        with self.store() as store:
            return shares_of(store.database, [node])[node]

    def standing(self, of: Key) -> dict[str, Any] | None:
        """An object as it is now."""
        live = self.people.read([of]).get(of)
        return live.body if live else None

    def cpu(self, leaf: str = LEAF) -> str | None:
        """What a leaf's quota grants."""
        body = self.standing(key("ResourceQuota", leaf=leaf))
        return None if body is None else body["spec"]["hard"]["requests.cpu"]

    def close(self) -> None:
        """End the people's connection."""
        self.people.close()


def under_way(city: City) -> frozenset[str]:
    """Leaves with a reservation that was not seen in force."""
    with city.store() as store:
        return shares.under_way(store.database)
