"""Leaves to objects of a cloud, and objects of a cloud to differences.

Called by `yunjin.plan`, `yunjin.apply`, `yunjin.engine` and by the simulated cloud, which keeps the same
objects. Calls `standard`, `compare`, `claim` and `quantities`. Pure: no SDK, no clock, no network.

Promises, for every wanted `w` and live `l`: `matches(w, l)` exactly where `differences(w, l)` is empty,
exactly where `fingerprint(w, l) == target(w)`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from yunjin.model.amounts import Amounts
from yunjin.model.change import ABSENT
from yunjin.model.resources import Holding, Key, ObjectClass, Wanted
from yunjin.substrates import fields
from yunjin.substrates.openstack import claim, compare, names, quantities, standard

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from yunjin.model.centre import Endpoint, Flow
    from yunjin.model.resources import Claim, Difference, Live
    from yunjin.model.tenancy import Leaf

_KEPT: Final = frozenset({ObjectClass.NAMESPACE, ObjectClass.QUOTA})


class OpenStackTranslator:
    """The `Translator` of clouds. Safe to use from several threads."""

    def __init__(self) -> None:
        # Leaves of one zone share their flows, as the very same value.
        self._rules: dict[str, tuple[tuple[Flow, ...], Mapping[str, tuple[str, ...]], dict[str, bool]]] = {}

    def shared(self, endpoint: Endpoint, cidrs: Mapping[str, Sequence[str]]) -> tuple[Wanted, ...]:
        """The domain of the whole centre, and of each zone that has addresses the pool of its subnets."""
        specs = {Key(endpoint.id, "", "Domain", names.DOMAIN): standard.domain()}
        for zone, networks in sorted(cidrs.items()):
            if networks:
                key = Key(endpoint.id, "", "SubnetPool", names.subnet_pool(zone))
                specs[key] = standard.subnet_pool(networks)
        return tuple(
            Wanted(key, standard.body(key, spec), ObjectClass.CLUSTER, 0) for key, spec in specs.items()
        )

    def home(self, endpoint: str, leaf: str) -> Key:
        """The key of its project."""
        return names.home(endpoint, leaf)

    def wanted(self, leaf: Leaf) -> tuple[Wanted, ...]:
        """The nine standard objects of a leaf, without those an imported leaf goes without.

        Its project and quota stay as they stand until it goes without nothing more: then Yunjin marks the
        project, and with that all of it is Yunjin's.
        """
        keeps = leaf.imported and bool(leaf.without)
        specs = standard.specs(leaf, self._rules_of(leaf))
        found = []
        for entry in names.STANDARD:
            if entry.role in leaf.without:
                continue
            key = names.named(leaf.endpoint, leaf.name, entry, leaf.renamed.get(entry.role))
            body = standard.body(key, specs.get(entry.kind) or standard.roles(entry.role))
            loose = keeps and entry.object_class in _KEPT
            found.append(Wanted(key, body, entry.object_class, entry.rank, loose))
        return tuple(found)

    def matches(self, wanted: Wanted, live: Live) -> bool:
        """Whether the object stands as wanted. A microsecond where it does."""
        if not wanted.loose and compare.stands(wanted, live):
            return True
        return not compare.deviations(wanted, live)

    def differences(self, wanted: Wanted, live: Live) -> tuple[Difference, ...]:
        """Every field that differs, in order of path; dated where the service tells, by nobody known."""
        since = claim.since(live.body)
        return fields.explain(compare.deviations(wanted, live), lambda _: ("", since))

    def fingerprint(self, wanted: Wanted, live: Live | None) -> str:
        """Hash of the compared fields as they stand."""
        if live is None:
            return ABSENT
        return fields.fingerprint(compare.leaves(wanted), compare.deviations(wanted, live))

    def target(self, wanted: Wanted) -> str:
        """Hash of the wanted fields."""
        return fields.digest(compare.leaves(wanted))

    def unfinished(self, wanted: Wanted, before: Live | None, now: Live) -> bool:
        """Whether a write of several steps stopped half way: some fields as before, the others as wanted."""
        return compare.unfinished(wanted, before, now)

    def claim(self, live: Live) -> Claim:
        """Whose an object says it is, by its name and the marks of its project."""
        return claim.claim(live)

    def lowers(self, wanted: Wanted, live: Live) -> bool:
        """Whether a quota only gives capacity back; False for everything that is no quota."""
        return wanted.object_class is ObjectClass.QUOTA and compare.lowers(compare.deviations(wanted, live))

    def holding(self, live: Live) -> Holding:
        """What a quota grants and what is used of it. The services enforce at once what they answer."""
        return quantities.holding(live.body)

    def counted(self, amounts: Amounts) -> Amounts:
        """Without what no service counts, zeros, and parts of a core or of a GiB of storage."""
        return _counted(amounts)

    def _rules_of(self, leaf: Leaf) -> dict[str, bool]:
        known = self._rules.get(leaf.zone)
        if known is None or known[0] is not leaf.flows or known[1] is not leaf.cidrs:
            known = (leaf.flows, leaf.cidrs, standard.rules(leaf.zone, leaf.flows, leaf.cidrs))
            self._rules[leaf.zone] = known
        return known[2]


@lru_cache(maxsize=4096)
def _counted(amounts: Amounts) -> Amounts:
    granted = quantities.amounts(quantities.figures(amounts, 0))
    return Amounts({dimension: value for dimension, value in granted.items() if value})
