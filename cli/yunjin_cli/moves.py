"""How changes of the organisation are shown: what moves, whose quota becomes what, what the files will say.

Used by `yunjin_cli.commands.bureau`; calls rich through `output`. Promises that a body is named with its id,
by the name it bears on the business date.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from yunjin.errors import Text
from yunjin.model.words import word
from yunjin_cli.findings import show_findings
from yunjin_cli.output import Column, Row, Told, console, say, show_rows, show_value
from yunjin_cli.session import Output, Session

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from yunjin.engine.reorganisation import Planned
    from yunjin.engine.reorganised import Move
    from yunjin.ledger.reorganisations import Reorganisation
    from yunjin.model.estate import Estate


_WORDS: Final = {
    "founded": Text("新设", "founded"),
    "ended": Text("撤销, 由其承接", "ends; carried on by"),
    "name": Text("名称", "name"),
    "tenant": word("tenant"),
    "body": Text("下级部门", "body below"),
    "grant": word("grant"),
    "lead": word("lead"),
    "task": word("task"),
    "coop": word("coop"),
    "proposed_lead": Text("建议牵头", "proposed lead"),
    "steward": word("steward"),
    "users": Text("数据使用方", "user of data"),
    "member": Text("领导小组成员", "leadership group"),
    "parent": Text("上级", "parent"),
}
_MOVES = (
    Column("what", Text("事项", "what")),
    Column("subject", Text("对象", "which"), whole=True),
    Column("name", Text("名称", "name")),
    Column("before", Text("原", "from")),
    Column("after", Text("现", "to")),
)
_CHANGES = (
    Column("number", Text("序号", "number"), right=True),
    Column("kind", Text("类别", "kind")),
    Column("bodies", Text("涉及单位", "bodies")),
    Column("effective", word("effective")),
    Column("state", Text("状态", "state")),
    Column("basis", word("basis")),
)


def show_reorganisations(session: Session, estate: Estate, found: Sequence[Reorganisation]) -> None:
    """A list of decisions."""
    show_rows(session, _CHANGES, [reorganisation_row(estate, each) for each in found])


def show_planned(
    session: Session, estate: Estate, planned: Planned, found: Reorganisation | None = None
) -> None:
    """What moves, what the rules say, and under which number it waits."""
    if session.output is not Output.TABLE:
        show_value(session, _value(planned, found))
        return
    show_rows(session, _MOVES, [_move_row(session, estate, planned, move) for move in planned.moves])
    _show_figures(session, planned)
    for each in planned.credentials:
        say(
            session,
            Text(
                f"凭据 {each.id} ({each.tenant}, {each.post}) 随用云单位保留, 不受影响",
                f"credential {each.id} ({each.tenant}, {each.post}) stays with its tenant",
            ),
            "dim",
        )
    show_findings(session, planned.findings)
    if planned.difference:
        console().print(planned.difference, style="dim")
    if found:
        day = found.effective
        say(
            session,
            Text(
                f"机构调整第 {found.number} 号, {day} 生效; 在此之前可撤回: "
                f"yunjin bureau cancel {found.number}",
                f"reorganisation {found.number} takes effect on {day}; until then: "
                f"yunjin bureau cancel {found.number}",
            ),
            "bold",
        )


def _move_row(session: Session, estate: Estate, planned: Planned, move: Move) -> Row:
    def name(body: str) -> Text | None:
        if not body:
            return None
        return Text(body, body) if move.what == "name" else _called(session, estate, planned, body)

    return {
        "what": Told(move.what, _WORDS.get(move.what, Text(move.what, move.what))),
        "subject": move.subject,
        "name": _name(session, estate, planned, move),
        "before": Told(move.before, name(move.before) or Text("—", "—")),
        "after": Told(move.after, name(move.after) or Text("—", "—")),
    }


def _called(session: Session, estate: Estate, planned: Planned, body: str) -> Text:
    """What people call a body, the new one by the name it is given."""
    into, named = planned.change.into, planned.change.named
    if body in (into, into.partition("/")[2]):
        node = into
    else:
        node = body if "/" in body else f"{'area' if body in estate.areas else 'bureau'}/{body}"
    return (
        Text(named["zh"], named["en"]) if node == into and named else estate.owner_name(node, session.as_of)
    )


def _name(session: Session, estate: Estate, planned: Planned, move: Move) -> Text | None:
    """What the thing that moves is called, where it has a name beside its id."""
    if move.what in ("lead", "coop", "proposed_lead"):
        return estate.elements[move.subject].text
    if move.what in ("steward", "users"):
        return estate.datasets[move.subject].text
    if move.what == "task":
        programme, _, number = move.subject.partition("/")
        return next(task.text for task in estate.tasks(programme) if task.id == number)
    if move.what == "member":
        return estate.programmes[move.subject].text
    if move.what in ("tenant", "body", "founded", "ended", "name"):
        return _called(session, estate, planned, move.subject)
    return None


def _show_figures(session: Session, planned: Planned) -> None:
    """Limits and guarantees of the bodies, before and after, pool by pool."""
    rows = [
        {"body": body, "pool": pool, "what": what, "before": before, "after": after}
        for body, pool, what, before, after in _figures(planned)
    ]
    if rows:
        say(session, Text("", ""))
        columns = (
            Column("body", Text("单位", "body"), whole=True),
            Column("pool", word("pool")),
            Column("what", Text("额度", "figure")),
            Column("before", Text("原", "before")),
            Column("after", Text("现", "after")),
        )
        show_rows(session, columns, rows)


def _figures(planned: Planned) -> Iterator[tuple[str, str, Text, Text, Text]]:
    from yunjin.ledger.cells import ALL
    from yunjin.model.amounts import Amounts
    from yunjin.model.formats import amounts_text

    def told(figures: dict[str, dict[str, int]], what: str) -> Text:
        amounts = Amounts({d: by[what] for d, by in figures.items() if by[what]})
        return Text(amounts_text(amounts, "zh"), amounts_text(amounts, "en"))

    before, after = planned.result["before"], planned.result["after"]
    for body in before:
        for pool in sorted({*before[body], *after[body]} - {ALL}):
            old, new = before[body].get(pool, {}), after[body].get(pool, {})
            for what in ("limit", "guarantee", "allotted"):
                if told(old, what) != told(new, what):
                    yield body, pool, word(what), told(old, what), told(new, what)


def reorganisation_row(estate: Estate, found: Reorganisation) -> Row:
    """A decision as a line of the list, and for programs with all that it says."""

    def name(node: str) -> Text:
        called = found.terms.get("name") if node == found.terms["into"] else None
        return Text(called["zh"], called["en"]) if called else estate.owner_name(node, found.effective)

    bodies = [name(node) for node in (*found.terms["from"], found.terms["into"])]
    return {
        "number": found.number,
        "kind": Told(found.kind, word(f"reorganisation.{found.kind}")),
        "bodies": Told(
            found.terms["bodies"], Text("、".join(b.zh for b in bodies), "; ".join(b.en for b in bodies))
        ),
        "effective": found.effective,
        "state": Told(found.state, word(f"reorganisation.{found.state.replace('_', '-')}")),
        "basis": found.basis,
        "terms": dict(found.terms),
        "result": dict(found.result),
    }


def _value(planned: Planned, found: Reorganisation | None) -> Row:
    from yunjin.engine.spine import finding_value

    return {
        "number": found.number if found else None,
        "state": found.state if found else None,
        "kind": planned.change.kind,
        "effective": planned.change.day,
        "basis": planned.change.basis,
        "terms": dict(planned.change.terms),
        "moves": [
            {"what": m.what, "subject": m.subject, "from": m.before, "to": m.after} for m in planned.moves
        ],
        "credentials": [{"id": c.id, "tenant": c.tenant, "post": c.post} for c in planned.credentials],
        "before": planned.result["before"],
        "after": planned.result["after"],
        "files": planned.difference,
        "findings": [finding_value(finding) for finding in planned.findings],
    }
