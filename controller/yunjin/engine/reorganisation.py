"""Changes of the organisation: planned, judged, recorded, and carried out on their day.

Called by `yunjin bureau ...` and by the controller's sweep. Calls the ledger, `yunjin.estate` and the rules
handed in. Promises that nothing is recorded that the rules or the ledger would refuse, that before the day
nothing but the record exists, and that ledger and declared files say the same once it is carried out: the
ledger first, in one transaction, then the files, again and again until they are written.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from yunjin.engine import reorganised
from yunjin.engine.bodies import Bodies
from yunjin.engine.clocks import Day, advance
from yunjin.engine.opening import enter
from yunjin.engine.spine import Spine
from yunjin.errors import ConflictError, PermanentError, RefusalError, Text, YunjinError
from yunjin.estate import load
from yunjin.estate.bodies import do, edit_of, said_of
from yunjin.estate.rewrite import Revision
from yunjin.ledger.reorganisations import (
    CARRIED_OUT,
    PENDING,
    Reorganisations,
    require_come,
    require_day,
)
from yunjin.model.change import Severity

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from yunjin.engine.reorganised import Change, Move
    from yunjin.estate.bodies import Edit
    from yunjin.ledger.reorganisations import Reorganisation
    from yunjin.model.change import Finding
    from yunjin.model.estate import Estate
    from yunjin.policy import Rule
    from yunjin.store import Credential, Store


@dataclass(frozen=True, slots=True)
class Planned:
    """A reorganisation, and what it comes to.

    Attributes:
        moves: what moves, for people.
        credentials: those of the tenants that move; they stay as they are.
        result: of the ledger's part, as JSON.
        edits: of the declared files.
        difference: of the declared files, as a review shows it.
        findings: what the rules would say that they do not say now.
    """

    change: Change
    moves: Sequence[Move]
    credentials: Sequence[Credential]
    result: Mapping[str, Any]
    edits: Sequence[Edit]
    difference: str
    findings: Sequence[Finding]

    @property
    def refused(self) -> bool:
        """Whether the rules find an error in it."""
        return any(finding.severity is Severity.ERROR for finding in self.findings)


class Reorganiser:
    """Everything about changes of the organisation of one declared city."""

    def __init__(self, folder: Path, store: Store, rules: Sequence[Rule], actor: str) -> None:
        self._folder = folder
        self._store = store
        self._rules = rules
        self._actor = actor
        self._register = Reorganisations(store.database, store.now, actor)

    def plan(self, change: Change, today: date) -> Planned:
        """What a decision comes to.

        Raises:
            UsageError, RefusalError: it cannot be meant.
            ConflictError: another change of one of its bodies waits.
            ShortageError: a limit is in the way.
            DeclaredErrors: the files do not load, or would not.
        """
        require_day(change.day, today.isoformat())
        self._register.require_free(change.terms["bodies"])
        estate = load(self._folder)
        Bodies(estate, date.fromisoformat(change.day)).require(change)
        enter(self._store, estate, today, self._actor)
        return self._planned(estate, change, 0)

    def record(self, planned: Planned, today: date) -> int:
        """Put a decision on record; its number.

        Raises:
            RefusalError: the rules find an error in it.
            ConflictError: another one that names the same body waits.
        """
        _require_sound(planned)
        change = planned.change
        day = date.fromisoformat(change.day)
        return self._register.record(change.kind, day, change.basis, change.terms, today)

    def all(self) -> list[Reorganisation]:
        """Every decision on record, by its day."""
        return self._register.all()

    def get(self, number: int) -> Reorganisation:
        """One decision. Raises UsageError where there is none of that number."""
        return self._register.get(number)

    def look(self, number: int) -> Planned:
        """What a decision that waits would come to now. Raises as `plan` does, and UsageError."""
        found = self._register.get(number)
        return self._planned(load(self._folder), _change(found), number)

    def cancel(self, number: int) -> None:
        """Take a decision back before its day. Raises UsageError, RefusalError."""
        self._register.cancel(number)

    def carry_out(self, number: int, today: date) -> Reorganisation:
        """Do it: in the ledger, then in the files; what is done already is left.

        Raises:
            RefusalError: its day has not come, or the rules find an error in it by now.
            ShortageError: a limit is in the way by now.
            ConflictError: ledger or files changed meanwhile; run it again.
            PermanentError: the files cannot be written; the ledger's part is done, run it again.
        """
        found = self._register.get(number)
        result = found.result
        if found.state == PENDING:
            require_come(found, today.isoformat())
            self._require_writable()
            estate = load(self._folder)
            enter(self._store, estate, today, self._actor)
            advance(self._store, estate, today, self._actor)
            planned = self._planned(estate, _change(found), number)
            _require_sound(planned)
            edits = [said_of(edit) for edit in planned.edits]
            result = self._register.carry_out(number, planned.result, edits, today)
        if found.state != CARRIED_OUT:
            self._write([edit_of(said) for said in result["edits"]])
            self._register.finish(number)
        return self._register.get(number)

    def carry_out_due(self, today: date) -> Day:
        """Do everything whose day has come, the earliest first; what cannot be done yet, with the reason."""
        done: list[str] = []
        refused: list[tuple[str, YunjinError]] = []
        for number in self._register.due(today):
            name = f"reorganisation/{number}"
            try:
                self.carry_out(number, today)
            except YunjinError as error:
                refused.append((name, error))
            else:
                done.append(name)
        return Day(tuple(done), tuple(refused))

    def _require_writable(self) -> None:
        """Ledger and files are changed together, or neither is. Raises PermanentError."""
        if not os.access(self._folder, os.W_OK):
            raise PermanentError(
                Text(f"申报文件目录 {self._folder} 不可写", f"{self._folder} cannot be written to"),
                Text("用 --tenants 指明可写的目录", "name a folder that can with --tenants"),
            )

    def _planned(self, estate: Estate, change: Change, number: int) -> Planned:
        day = date.fromisoformat(change.day)
        result = self._register.rehearse(change.kind, day, change.basis, change.terms, number)
        edits = reorganised.edits(estate, change, result)
        revision = Revision(self._folder)
        for edit in edits:
            do(revision, edit)
        after = revision.preview()
        tenants = {node.partition("/")[2] for node, _, _ in result["nodes"] if node.startswith("tenant/")}
        held = [each for each in self._store.credentials.holding() if each.tenant in tenants]
        return Planned(
            change,
            reorganised.moves(estate, change, result, edits),
            held,
            result,
            edits,
            revision.difference(),
            self._fresh(estate, after, day),
        )

    def _fresh(self, before: Estate, after: Estate, day: date) -> list[Finding]:
        """What the rules say of the files as they would be and do not say of them as they are."""
        known = {(f.rule, f.subject, f.message) for f in Spine.validate(before, day, self._rules)}
        findings = Spine.validate(after, day, self._rules)
        return [f for f in findings if (f.rule, f.subject, f.message) not in known]

    def _write(self, edits: Sequence[Edit]) -> None:
        revision = Revision(self._folder)
        for edit in edits:
            do(revision, edit)
        if revision.difference():
            try:
                revision.save()
            except ConflictError as error:
                raise ConflictError(
                    error.message,
                    Text(
                        "台账已完成, 重新执行即可补写申报文件",
                        "the ledger's part is done; run it again and the files are written",
                    ),
                ) from error


def _change(found: Reorganisation) -> Change:
    return reorganised.Change(found.kind, found.terms, found.effective.isoformat(), found.basis)


def _require_sound(planned: Planned) -> None:
    errors = [finding for finding in planned.findings if finding.severity is Severity.ERROR]
    if errors:
        raise RefusalError(
            Text(
                f"调整后有 {len(errors)} 处不合规则: {errors[0].message.zh}",
                f"afterwards the rules find {len(errors)} errors: {errors[0].message.en}",
            ),
            errors[0].remedy,
        )
