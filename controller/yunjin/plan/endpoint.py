"""The part of a plan that concerns one endpoint, leaf by leaf.

Made by `make`. Calls the translator. Promises never to touch what is not Yunjin's: another's object is shown
as an extra, another's namespace is held, and nothing of a protected tenant is removed.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from yunjin.model.amounts import Amounts
from yunjin.model.change import ABSENT, Action, Change, Extra, Held, Hold
from yunjin.model.resources import ObjectClass, Wanted
from yunjin.model.tenancy import leaf_node
from yunjin.plan import ranks, reasons

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from yunjin.model.estate import Estate
    from yunjin.model.resources import Claim, Holding, Live
    from yunjin.model.tenancy import Leaf
    from yunjin.substrates.contract import Translator

    Objects = Mapping[tuple[str, str], Live]


class EndpointPlan:
    """Collects what one endpoint needs.

    Attributes:
        changes: in no order.
        held: leaves left alone, or not changed wholly, with the reason.
        extras: other people's objects in declared leaves.
        unchanged: how many objects stand as wanted.
        leaves: how many declared leaves were looked at.
    """

    def __init__(self, estate: Estate, endpoint: str, translator: Translator) -> None:
        self.changes: list[Change] = []
        self.held: list[Held] = []
        self.extras: list[Extra] = []
        self.unchanged = 0
        self.leaves = 0
        self._estate = estate
        self._endpoint = endpoint
        self._translator = translator

    def shared(self, objects: Objects) -> None:
        """What every leaf relies on. Several endpoints may share it, so nothing of it is ever removed."""
        endpoint = self._estate.endpoints[self._endpoint]
        for wanted in self._translator.shared(endpoint, self._estate.cidrs(self._endpoint)):
            self._compare(wanted, objects.get((wanted.key.kind, wanted.key.name)), "")

    def leaf(self, leaf: Leaf, objects: Objects) -> None:
        """A declared leaf, with what stands under its name."""
        self.leaves += 1
        if leaf.frozen:
            return
        home = self._home(leaf.name, objects)
        hold = self._hindrance(leaf, self._translator.claim(home)) if home else None
        if hold:
            self._hold(leaf.name, leaf.tenant, hold)
            return
        found = 0
        begun = len(self.changes)
        wanted = self._wanted(leaf, objects)
        for one in wanted:
            live = objects.get((one.key.kind, one.key.name))
            found += live is not None
            self._compare(one, live, leaf.tenant)
        self._grant_under_quota(begun, wanted)
        if found < len(objects):
            names = {(one.key.kind, one.key.name) for one in wanted}
            for name, live in objects.items():
                if name not in names:
                    self._left_over(leaf, live)

    def departed(self, name: str, objects: Objects) -> None:
        """A name that is not declared: removed where it is this endpoint's own, else none of our business."""
        home = self._home(name, objects)
        claim = self._translator.claim(home) if home else None
        if home is None or claim is None or not self._own(claim):
            return
        hold = self._shelter(name, claim)
        if hold:
            self._hold(name, claim.tenant, hold)
            return
        for live in objects.values():
            marks = self._translator.claim(live)
            if live is not home and marks.object_class is ObjectClass.ROLES and self._own(marks):
                self._remove(live, marks, claim.tenant, ranks.END_OF_RIGHTS)
        self._remove(home, claim, claim.tenant, ranks.END_OF_LEAF)

    def _wanted(self, leaf: Leaf, objects: Objects) -> Sequence[Wanted]:
        """The leaf's objects. A quota never falls below what is used, as far as the ledger charges that."""
        wanted = self._translator.wanted(leaf)
        quota = next((one for one in wanted if one.object_class is ObjectClass.QUOTA), None)
        live = objects.get((quota.key.kind, quota.key.name)) if quota else None
        if quota is None or live is None or self._translator.matches(quota, live):
            return wanted
        kept = _in_use(leaf, self._translator.holding(live))
        if not kept:
            return wanted
        reason = reasons.in_use(leaf, kept)
        self.held.append(Held(self._endpoint, leaf.name, leaf.tenant, Hold.IN_USE, reason))
        return self._translator.wanted(replace(leaf, allotted=Amounts({**leaf.allotted, **kept})))

    def _compare(self, wanted: Wanted, live: Live | None, tenant: str) -> None:
        translator = self._translator
        if live is not None and translator.matches(wanted, live):
            self.unchanged += 1
            return
        lowers = live is not None and translator.lowers(wanted, live)
        self.changes.append(
            Change(
                action=Action.CREATE if live is None else Action.UPDATE,
                key=wanted.key,
                tenant=tenant,
                object_class=wanted.object_class,
                rank=ranks.of_write(wanted, lowers=lowers),
                before=translator.fingerprint(wanted, live),
                after=translator.target(wanted),
                differences=() if live is None else translator.differences(wanted, live),
                body=wanted.body,
                # The import was the decision to take the object over; later it is like any other.
                force=wanted.loose and live is not None and not translator.claim(live).owned,
                confirm=wanted.object_class is ObjectClass.QUOTA,
                loose=wanted.loose,
            )
        )

    def _grant_under_quota(self, begun: int, wanted: Sequence[Wanted]) -> None:
        """Let a leaf's role bindings await its quota where that is no change of this plan.

        A run that was killed may have written the quota just before: it stands, and need not be in force yet.
        """
        changes = self.changes[begun:]
        if not changes:
            return
        quota = next((one.key for one in wanted if one.object_class is ObjectClass.QUOTA), None)
        if quota is None or any(change.key == quota for change in changes):
            return
        self.changes[begun:] = [
            replace(change, awaits=quota) if change.object_class is ObjectClass.ROLES else change
            for change in changes
        ]

    def _left_over(self, leaf: Leaf, live: Live) -> None:
        """An object in a declared leaf that nothing declared stands for."""
        claim = self._translator.claim(live)
        if not self._own(claim):
            self.extras.append(Extra(live.key, claim.object_class, leaf.tenant, claim.manager, claim.since))
        elif leaf.protected or claim.protected:
            self._hold(leaf.name, leaf.tenant, Hold.PROTECTED)
        else:
            self._remove(live, claim, leaf.tenant, ranks.of_single_removal(claim))

    def _remove(self, live: Live, claim: Claim, tenant: str, rank: int) -> None:
        wanted = Wanted(live.key, {}, claim.object_class, rank)
        self.changes.append(
            Change(
                action=Action.DELETE,
                key=live.key,
                tenant=tenant,
                object_class=claim.object_class,
                rank=rank,
                before=self._translator.fingerprint(wanted, live),
                after=ABSENT,
                differences=(),
                body=None,
                confirm=claim.object_class is ObjectClass.NAMESPACE,
            )
        )

    def _own(self, claim: Claim) -> bool:
        """Written by Yunjin and labelled for this endpoint.

        Neither alone will do: labels can be copied, and several endpoints may share a cluster.
        """
        return claim.owned and claim.endpoint == self._endpoint

    def _hindrance(self, leaf: Leaf, claim: Claim) -> reasons.Whole | None:
        """Why a declared leaf cannot be worked on."""
        if claim.ending:
            return Hold.ENDING
        if claim.endpoint not in ("", self._endpoint):
            return Hold.FOREIGN
        if not leaf.imported and not claim.owned and not claim.endpoint:
            return Hold.FOREIGN
        return None

    def _shelter(self, name: str, claim: Claim) -> reasons.Whole | None:
        """Why a leaf that is no longer declared is not removed."""
        tenant = self._estate.tenants.get(claim.tenant)
        if claim.protected or (tenant is not None and tenant.protected):
            return Hold.PROTECTED
        frozen = tenant is not None and tenant.frozen(leaf_node(self._endpoint, name))
        return Hold.QUARANTINED if frozen else None

    def _hold(self, leaf: str, tenant: str, hold: reasons.Whole) -> None:
        held = Held(self._endpoint, leaf, tenant, hold, reasons.of(hold, leaf, tenant))
        if held not in self.held[-1:]:
            self.held.append(held)

    @staticmethod
    def _home(name: str, objects: Objects) -> Live | None:
        """The object that is the leaf itself: the one of its name that lies in nothing."""
        return next(
            (live for (_, own), live in objects.items() if own == name and not live.key.namespace), None
        )


def _in_use(leaf: Leaf, holding: Holding) -> dict[str, int]:
    """By dimension, what a shrinking quota must leave because it is used."""
    used = holding.used or Amounts()
    kept = {
        d: min(granted, used.of(d), leaf.charged.of(d))
        for d, granted in holding.granted.items()
        if granted > leaf.allotted.of(d)
    }
    return {d: value for d, value in kept.items() if value > leaf.allotted.of(d)}
