"""The spine's values: change, plan, finding, verdict, receipt.

Made by `yunjin.plan`, `yunjin.policy` and `yunjin.apply`; stored by `yunjin.store`; shown by the command
line.
All are frozen and carry no secret, so each can be printed, stored, hashed and compared.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from yunjin.model.resources import ObjectClass, Wanted

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime

    from yunjin.errors import Place, Text
    from yunjin.model.resources import Body, Difference, Key


class Action(StrEnum):
    """What a change does to its object."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Change:
    """One object from one state to another.

    Attributes:
        before: hash of the compared fields as observed; of an absent object, `ABSENT`.
        after: hash of the same fields as wanted; `ABSENT` for a removal.
        body: what is sent; None for a removal.
        rank: order of writing; all changes of a rank end before the next rank begins.
        force: take over fields that another manager owns (repair of drift, or an imported object).
        confirm: it ends well only when it is seen effective: role bindings wait for the quota, quotas
            for those of lower ranks, and a removal is over when the object is gone.
        loose: imported object whose labels count only once Yunjin owns fields of it.
        awaits: an object of the same leaf that stands as wanted, and so is no change of the plan, but must be
            seen effective before this one is written: the quota under which rights are granted.
    """

    action: Action
    key: Key
    tenant: str
    object_class: ObjectClass
    rank: int
    before: str
    after: str
    differences: tuple[Difference, ...]
    body: Body | None
    force: bool = False
    confirm: bool = False
    loose: bool = False
    awaits: Key | None = None

    @property
    def destructive(self) -> bool:
        """Whether work of a tenant is lost by it."""
        return self.action is Action.DELETE

    @property
    def leaf(self) -> str:
        """Name of the namespace or project it belongs to; empty for the whole endpoint."""
        return self.key.name if self.object_class is ObjectClass.NAMESPACE else self.key.namespace

    @property
    def wanted(self) -> Wanted:
        """What `before` and `after` were computed over; of a removal, the fields that Yunjin owns."""
        return Wanted(self.key, self.body or {}, self.object_class, self.rank, self.loose)

    def binds_anew(self, difference: Difference) -> bool:
        """Whether a quota that is taken over had no such bound: nobody took it out, it counted nothing."""
        taken_over = self.loose and self.force and self.object_class is ObjectClass.QUOTA
        return taken_over and difference.observed is None


ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an endpoint could not be read.

    Attributes:
        code: of the error, for scripts: `unreachable`, `refused`, ...
    """

    code: str
    message: Text
    remedy: Text | None = None


@dataclass(frozen=True, slots=True)
class Binding:
    """How an endpoint was reached when a plan was made: references, never secrets.

    Attributes:
        access: `simulated`, `env:NAME` or `file:PATH`, with `#CONTEXT` where one was chosen.
        observed_at: None where it could not be read; `failure` then says why.
    """

    technology: str
    access: str
    observed_at: datetime | None
    failure: Failure | None = None


class Hold(StrEnum):
    """Why a plan leaves a namespace or project as it is, though something differs."""

    PROTECTED = "protected"  # it, or something in it, would be removed; its tenant must not be
    QUARANTINED = "quarantined"  # no longer declared, but its tenant is in quarantine
    FOREIGN = "foreign"  # declared under a name that somebody else's object bears
    ENDING = "ending"  # declared, but somebody is removing it at this moment
    REMAINS = "remains"  # no longer declared, but something in it would outlive its removal
    IN_USE = "in-use"  # its quota shrinks to what is used for now, not to what it shall hold


@dataclass(frozen=True, slots=True)
class Held:
    """A namespace or project that the plan does not touch, or not wholly, and why."""

    endpoint: str
    leaf: str
    tenant: str
    hold: Hold
    reason: Text


@dataclass(frozen=True, slots=True)
class Extra:
    """Somebody else's object of a managed kind inside a declared namespace or project; never touched."""

    key: Key
    object_class: ObjectClass
    tenant: str
    manager: str
    since: datetime | None


@dataclass(frozen=True, slots=True)
class Plan:
    """An ordered list of changes with what they were computed from.

    Attributes:
        estate: digest of the declared files.
        bindings: by endpoint; where `observed_at` is None it could not be read: *unknown*, not empty.
        unchanged: objects that already stand as wanted.
        leaves: leaves looked at.
        held: what differs and is left alone.
        extras: other people's objects where only Yunjin's should be.
    """

    as_of: date
    estate: str
    changes: tuple[Change, ...]
    bindings: Mapping[str, Binding]
    unchanged: int = 0
    leaves: int = 0
    held: tuple[Held, ...] = ()
    extras: tuple[Extra, ...] = ()

    @property
    def unknown(self) -> tuple[str, ...]:
        """Endpoints that did not answer."""
        return tuple(sorted(name for name, binding in self.bindings.items() if binding.observed_at is None))


class Severity(StrEnum):
    """How a finding weighs: an error stops an apply, a warning does not, a notice only informs."""

    ERROR = "error"
    WARNING = "warning"
    NOTICE = "notice"


@dataclass(frozen=True, slots=True)
class Basis:
    """What a rule or a figure rests on; an empty document means 本市自定."""

    doc: str = ""
    clause: str = ""
    verified: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule says of one object.

    Attributes:
        evidence: figures and ids behind it, for machines.
    """

    rule: str
    severity: Severity
    subject: str
    message: Text
    remedy: Text
    basis: Basis
    place: Place | None = None
    evidence: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Verdict:
    """All findings on one plan. Nothing with an error in it is applied."""

    plan: str
    findings: tuple[Finding, ...]

    def of(self, severity: Severity) -> tuple[Finding, ...]:
        """Findings of one severity."""
        return tuple(finding for finding in self.findings if finding.severity is severity)

    @property
    def approved(self) -> bool:
        """Whether no finding is an error."""
        return not self.of(Severity.ERROR)


class Outcome(StrEnum):
    """How a change ended."""

    DONE = "done"  # written by this run
    ALREADY = "already"  # stood as wanted when read again
    MOVED = "moved"  # somebody changed what the plan had compared: skipped
    PENDING = "pending"  # written, not effective within the time allowed
    FAILED = "failed"
    SKIPPED = "skipped"  # an earlier change of the same leaf did not end well


@dataclass(frozen=True, slots=True)
class Receipt:
    """How one change ended, and why where it did not end well."""

    change: Change
    outcome: Outcome
    reason: Text | None = None

    @property
    def settled(self) -> bool:
        """Whether the object now stands as planned."""
        return self.outcome in (Outcome.DONE, Outcome.ALREADY)
