"""Running rules: order, scope, failing rules, verdict."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from declared import declared
from yunjin.errors import Place, Text
from yunjin.model.change import Basis, Plan, Severity
from yunjin.policy import Breach, Facts, Rule, Scope, judge, rule, run

if TYPE_CHECKING:
    from collections.abc import Iterator

DAY = date(2026, 11, 22)
PLAN = Plan(as_of=DAY, estate="in-memory", changes=(), bindings={})
SAID = Text("句子", "sentence")
BASIS = Basis("文件", "一", verified=True)


def of(number: str, severity: Severity, *breaches: Breach, scope: Scope = Scope.ESTATE) -> Rule:
    @rule(number, severity, requires=SAID, remedy=Text("办理", "do it"), basis=BASIS, scope=scope)
    def found(facts: Facts) -> Iterator[Breach]:
        yield from breaches

    return found


def breach(subject: str, line: int = 0) -> Breach:
    return Breach(subject, SAID, Place(Path("a.yaml"), line) if line else None)


def test_a_finding_carries_what_the_rule_and_the_breach_say() -> None:
    one = Breach("tenant/jtj", SAID, Place(Path("a.yaml"), 3, 5), {"limit": "64"})

    (finding,) = run([of("X01", Severity.WARNING, one)], Facts(declared(), DAY))

    assert (finding.rule, finding.severity, finding.subject) == ("X01", Severity.WARNING, "tenant/jtj")
    assert finding.message == SAID
    assert finding.remedy == Text("办理", "do it")
    assert finding.basis == BASIS
    assert str(finding.place) == "a.yaml:3:5"
    assert finding.evidence == {"limit": "64"}


def test_a_breach_may_know_a_better_remedy() -> None:
    better = Text("就这样办", "do this")

    (finding,) = run([of("X01", Severity.ERROR, Breach("a", SAID, remedy=better))], Facts(declared(), DAY))

    assert finding.remedy == better


def test_errors_come_first_then_rule_subject_and_line() -> None:
    rules = [
        of("X03", Severity.NOTICE, breach("a")),
        of("X02", Severity.WARNING, breach("a")),
        of("X01", Severity.ERROR, breach("b"), breach("a", 10), breach("a", 9)),
    ]

    found = run(rules, Facts(declared(), DAY))

    assert [(f.rule, f.subject, f.place.line if f.place else 0) for f in found] == [
        ("X01", "a", 9),
        ("X01", "a", 10),
        ("X01", "b", 0),
        ("X02", "a", 0),
        ("X03", "a", 0),
    ]


SEVERITIES = st.sampled_from(list(Severity))
RULES = st.lists(
    st.tuples(SEVERITIES, st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 20)), max_size=5)),
    max_size=6,
)


@given(RULES, st.randoms(use_true_random=False))
def test_the_order_does_not_depend_on_the_order_of_rules_or_breaches(
    drawn: list[tuple[Severity, list[tuple[str, int]]]], shuffler: object
) -> None:
    facts = Facts(declared(), DAY)
    rules = [of(f"X{n:02}", s, *(breach(*b) for b in found)) for n, (s, found) in enumerate(drawn)]
    shuffled = [
        of(f"X{n:02}", s, *(breach(*b) for b in reversed(found))) for n, (s, found) in enumerate(drawn)
    ]
    shuffler.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis hands over a random.Random

    assert run(rules, facts) == run(shuffled, facts)


def test_rules_about_a_plan_wait_for_one() -> None:
    rules = [of("X01", Severity.ERROR, breach("a"), scope=Scope.PLAN)]

    assert run(rules, Facts(declared(), DAY)) == ()
    assert len(run(rules, Facts(declared(), DAY, PLAN))) == 1


def test_rules_about_endpoints_run_with_and_without_a_plan() -> None:
    rules = [of("X01", Severity.ERROR, breach("a"), scope=Scope.ENDPOINTS)]

    assert len(run(rules, Facts(declared(), DAY))) == len(run(rules, Facts(declared(), DAY, PLAN))) == 1


@rule("X09", Severity.NOTICE, requires=SAID, remedy=SAID)
def breaks_after_one(facts: Facts) -> Iterator[Breach]:
    yield breach("seen")
    raise KeyError("lost")


def test_a_rule_that_fails_is_an_error_that_names_it() -> None:
    failed, seen = run(
        [breaks_after_one, of("X10", Severity.NOTICE, breach("later"))], Facts(declared(), DAY)
    )[:2]

    assert (failed.rule, failed.severity, failed.subject) == ("X09", Severity.ERROR, "rule/X09")
    assert "X09" in failed.message.zh
    assert "KeyError: 'lost'" in failed.message.zh
    assert "KeyError: 'lost'" in failed.message.en
    assert seen.subject == "seen"  # what it had already found is not lost


def test_the_reason_of_a_failure_is_bounded() -> None:
    @rule("X09", Severity.NOTICE, requires=SAID, remedy=SAID)
    def shouts(facts: Facts) -> Iterator[Breach]:
        raise ValueError("x" * 100_000)

    (failed,) = run([shouts], Facts(declared(), DAY))

    assert len(failed.message.zh) < 300


@pytest.mark.parametrize(
    ("severity", "approved"), [(Severity.ERROR, False), (Severity.WARNING, True), (Severity.NOTICE, True)]
)
def test_only_errors_keep_a_plan_from_being_applied(severity: Severity, approved: bool) -> None:  # noqa: FBT001 (a case)
    verdict = judge([of("X01", severity, breach("a"))], Facts(declared(), DAY, PLAN), "abc")

    assert verdict.plan == "abc"
    assert verdict.approved is approved
    assert len(verdict.of(severity)) == 1


def test_a_rule_that_fails_keeps_a_plan_from_being_applied() -> None:
    assert not judge([breaks_after_one], Facts(declared(), DAY, PLAN)).approved


def test_what_is_derived_from_the_estate_is_computed_once() -> None:
    calls: list[str] = []

    def compute(estate: object) -> int:
        calls.append("called")
        return 42

    facts = Facts(declared(), DAY)

    assert [facts.derived(compute), facts.derived(compute)] == [42, 42]
    assert calls == ["called"]


def test_without_a_plan_there_are_no_changes() -> None:
    assert Facts(declared(), DAY).changes == ()
    assert Facts(declared(), DAY, PLAN).changes == PLAN.changes
