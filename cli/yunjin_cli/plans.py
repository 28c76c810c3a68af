"""How plans of changes and their receipts are shown.

Used by the commands that plan and apply; calls `output` and `findings`. Promises that every removal is shown,
however long a plan is, and every change that did not end well.
"""

from __future__ import annotations

import json
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, Final

from yunjin.errors import Text, UnreachableError
from yunjin.model.change import Action, Outcome
from yunjin.model.resources import ObjectClass
from yunjin.model.words import word
from yunjin_cli.findings import count_text, show_findings
from yunjin_cli.output import Column, Row, figures, say, show_rows, show_value
from yunjin_cli.session import Output
from yunjin_cli.speech import counted

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from yunjin.engine.spine import Judged
    from yunjin.model.amounts import Amounts
    from yunjin.model.change import Change, Plan, Receipt
    from yunjin.model.tenancy import Leaf
    from yunjin_cli.session import Session

MOST_ROWS: Final = 200
_MOST_FIELDS: Final = 6
_MOST_CHARACTERS: Final = 40


def declared_rules() -> frozenset[str]:
    """Ids of the rules about the declared files, which `yunjin validate` runs."""
    from yunjin.policy import Scope
    from yunjin_policies import RULES

    return frozenset(rule.id for rule in RULES if rule.scope is Scope.ESTATE)


def show_judged(session: Session, judged: Judged, leaves: Sequence[Leaf]) -> None:
    """A plan and what the rules say of it.

    Args:
        session: whose language and form.
        judged: the plan and its verdict.
        leaves: with what each shall hold.
    """
    if session.output is not Output.TABLE:
        show_value(session, judged.value())
        return
    made = judged.plan
    show_changes(session, made, {(leaf.endpoint, leaf.name): leaf.allotted for leaf in leaves})
    show_findings(session, judged.verdict.findings, known=declared_rules())
    if judged.left:
        say(
            session,
            Text(
                f"{word('drift').zh} {judged.left} 项, 按策略只上报, 见 yunjin drift",
                f"{counted(judged.left, 'object')} drifted; the policy is to report, see yunjin drift",
            ),
            "yellow",
        )
    counts = count_text(judged.verdict.findings)
    zh = [f"变更方案 {judged.hash[:12]}: {made.leaves} 个{word('leaf').zh}", f"{len(made.changes)} 项变更"]
    changes = counted(len(made.changes), "change")
    en = [f"plan {judged.hash[:12]}: {made.leaves} namespaces or projects", changes]
    if removals := sum(change.destructive for change in made.changes):
        zh.append(f"其中删除 {removals} 项")
        en.append(f"{removals} of them removals" if removals > 1 else "one a removal")
    if made.unknown:
        zh.append(f"接入点 {', '.join(made.unknown)} 未知")
        en.append(f"endpoint {', '.join(made.unknown)} unknown")
    zh.append(f"{made.unchanged} 项无需变更; {counts.zh}")
    en.append(f"{made.unchanged} unchanged; {counts.en}")
    say(session, Text(", ".join(zh), ", ".join(en)), "bold")


def unknown_exit(plan: Plan) -> int:
    """Exit code where not every endpoint was seen: 3 where one did not answer, 1 where one turned us away.

    0 where all were seen.
    """
    reasons = [plan.bindings[endpoint].failure for endpoint in plan.unknown]
    if any(reason and reason.code == UnreachableError.code for reason in reasons):
        return UnreachableError.exit_code
    return int(bool(reasons))


_CHANGES: Final = (
    Column("action", Text("操作", "action"), whole=True),
    Column("endpoint", word("endpoint"), whole=True),
    Column("leaf", word("leaf"), whole=True),
    Column("what", Text("内容", "what")),
)


def show_changes(session: Session, made: Plan, allotted: Mapping[tuple[str, str], Amounts]) -> None:
    """A row for each leaf and action, removals first.

    Args:
        session: whose language.
        made: the plan.
        allotted: by endpoint and leaf.
    """
    removals: list[Row] = []
    others: list[Row] = []
    parts = sorted(made.changes, key=lambda c: (c.key.endpoint, c.leaf, c.action.value))
    for (endpoint, leaf, action), found in groupby(parts, key=attrgetter("key.endpoint", "leaf", "action")):
        changes = list(found)
        row: Row = {
            "action": word(f"action.{action.value}"),
            "endpoint": endpoint,
            "leaf": leaf or Text("(接入点公用)", "(shared)"),
            "what": _what(changes, allotted.get((endpoint, leaf))),
        }
        (removals if action is Action.DELETE else others).append(row)
    shown = removals + others[:MOST_ROWS]
    if shown:
        styles = ["bold red"] * len(removals) + [""] * (len(shown) - len(removals))
        show_rows(session, _CHANGES, shown, styles=styles)
    _say_more(session, len(others) - MOST_ROWS)


def _what(changes: Sequence[Change], amounts: Amounts | None) -> Text:
    """The objects of one leaf and action, or how many make it up and what it may use."""
    whole = len(changes) > 1 and any(change.object_class is ObjectClass.NAMESPACE for change in changes)
    if not whole or changes[0].action is Action.UPDATE:
        parts = [line for change in changes for line in _lines(change)]
        return Text("\n".join(part.zh for part in parts), "\n".join(part.en for part in parts))
    if changes[0].destructive:
        if any(change.key.kind == "Project" for change in changes):
            return Text("整个项目, 连同其中的一切", "the whole project with everything in it")
        return Text("整个命名空间, 连同其中的一切", "the whole namespace with everything in it")
    count = Text(f"共 {len(changes)} 个对象", counted(len(changes), "object"))
    if amounts is None:
        return count
    said = figures(amounts).text
    return Text(f"{count.zh}: {said.zh}", f"{count.en}: {said.en}")


def _lines(change: Change) -> list[Text]:
    """The object, and where it is changed, the fields that differ."""
    name = f"{change.key.kind}/{change.key.name}"
    if change.action is not Action.UPDATE:
        return [Text(name, name)]
    anew = [d for d in change.differences if change.binds_anew(d)]
    fields = [
        f"  {d.path}: {short(d.observed)} → {short(d.wanted)}" for d in change.differences if d not in anew
    ]
    lines = [Text(line, line) for line in (name, *fields[:_MOST_FIELDS])]
    more = len(fields) - _MOST_FIELDS
    if more > 0:
        lines.append(Text(f"  另有 {more} 处", f"  {more} more"))
    if anew:  # people will feel each of them, so none is left out
        bounds = ", ".join(f"{d.path.removeprefix('spec.hard.')} {short(d.wanted)}" for d in anew)
        lines.append(
            Text(f"  原配额未约束, 一并设为: {bounds}", f"  not bound before, and set too: {bounds}")
        )
    return lines


def short(value: object) -> str:
    """A value as files of its kind have it, cut to fit a table; a dash where there is none."""
    if value is None:
        return "—"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _MOST_CHARACTERS else f"{text[: _MOST_CHARACTERS - 1]}…"


def _say_more(session: Session, more: int) -> None:
    if more > 0:
        say(session, Text(f"另有 {more} 行, 见 --output json", f"{more} more rows, see --output json"), "dim")


def outcome_counts(receipts: Collection[Receipt]) -> dict[str, int]:
    """How many receipts of each outcome; outcomes that did not occur are left out."""
    counts = {outcome.value: sum(r.outcome is outcome for r in receipts) for outcome in Outcome}
    return {outcome: count for outcome, count in counts.items() if count}


def counts_text(counts: Mapping[str, int]) -> Text:
    """How many of each outcome, in words; where nothing was to be done, that nothing was written."""
    words = {name: word(f"outcome.{name}") for name in counts}
    return Text(
        ", ".join(f"{words[name].zh} {count} 项" for name, count in counts.items()) or "无变更, 写入 0 项",
        ", ".join(f"{count} {words[name].en}" for name, count in counts.items()) or "no changes, 0 writes",
    )


_RECEIPTS: Final = (
    Column("key", Text("对象", "object")),
    Column("outcome", Text("结果", "outcome")),
    Column("reason", Text("原因", "reason")),
)


def receipts_value(judged: Judged, receipts: Sequence[Receipt]) -> Row:
    """How the changes ended, for programs."""
    rows = [
        {
            "key": str(r.change.key),
            "action": r.change.action.value,
            "outcome": r.outcome.value,
            "reason": r.reason,
        }
        for r in receipts
    ]
    return {"plan": judged.hash, "counts": outcome_counts(receipts), "receipts": rows}


def show_receipts(session: Session, judged: Judged, receipts: Sequence[Receipt], again: str = "") -> None:
    """How the changes ended, those that did not end well one by one.

    Args:
        session: whose language and form.
        judged: the plan.
        receipts: of its changes.
        again: the command that goes on with them, where the plan is not the one that `yunjin apply` takes.
    """
    if session.output is not Output.TABLE:
        show_value(session, receipts_value(judged, receipts))
        return
    bad = [receipt for receipt in receipts if not receipt.settled]
    if bad:
        show_rows(
            session,
            _RECEIPTS,
            [
                {"key": str(r.change.key), "outcome": word(f"outcome.{r.outcome.value}"), "reason": r.reason}
                for r in bad[:MOST_ROWS]
            ],
        )
        _say_more(session, len(bad) - MOST_ROWS)
        moved = any(receipt.outcome is Outcome.MOVED for receipt in bad)
        again = again or ("yunjin plan" if moved else "yunjin apply")
        say(session, Text(f"→ 再次执行 {again} 即可继续", f"→ run {again} again to go on"), "dim")
    said = counts_text(outcome_counts(receipts))
    unknown = ", ".join(judged.plan.unknown)
    left = Text(f"; 接入点 {unknown} 未知, 未作变更", f"; {unknown} is unknown and was left alone")
    zh, en = (said.zh + left.zh, said.en + left.en) if unknown else (said.zh, said.en)
    style = "bold red" if bad or unknown else "bold green"
    say(session, Text(f"下发执行完成: {zh}", f"applied: {en}"), style)
