"""Plans as text: stable, whole, and refused where they are not."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planning import ENDPOINT, Member, city, plan
from yunjin.errors import Text, UsageError
from yunjin.model.change import Action, Binding, Change, Extra, Failure, Held, Hold, Plan
from yunjin.model.resources import Difference, Key, ObjectClass
from yunjin.plan import from_json, plan_hash, to_json

if TYPE_CHECKING:
    from pathlib import Path

    from yunjin.substrates.simulated.backend import SimulatedBackend

words = st.text(max_size=12)
moments = st.none() | st.datetimes(timezones=st.just(UTC))
texts = st.builds(Text, words, words)
keys = st.builds(Key, words, words, words, words)
scalars = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | words
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=6,
)
differences = st.builds(Difference, words, values, values, words, moments)
classes = st.sampled_from(ObjectClass)
changes = st.builds(
    Change,
    st.sampled_from(Action),
    keys,
    words,
    classes,
    st.integers(0, 10_000),
    words,
    words,
    st.lists(differences, max_size=2).map(tuple),
    st.none() | st.dictionaries(words, values, max_size=3),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.none() | keys,
)
failures = st.none() | st.builds(Failure, words, texts, st.none() | texts)
plans = st.builds(
    Plan,
    st.dates(),
    words,
    st.lists(changes, max_size=3).map(tuple),
    st.dictionaries(words, st.builds(Binding, words, words, moments, failures), max_size=2),
    st.integers(0, 10**6),
    st.integers(0, 10**6),
    st.lists(st.builds(Held, words, words, words, st.sampled_from(Hold), texts), max_size=2).map(tuple),
    st.lists(st.builds(Extra, keys, classes, words, words, moments), max_size=2).map(tuple),
)
EMPTY = Plan(date(2026, 11, 22), "digest", (), {"k8s": Binding("kubernetes", "simulated", None)})


@pytest.fixture
def made(backend: SimulatedBackend) -> Plan:
    """A plan of one tenant."""
    return plan(city(Member("jtj")), backend)


@given(plans)
def test_what_is_written_reads_back(made: Plan) -> None:
    assert from_json(to_json(made)) == made
    assert from_json(to_json(made).encode()) == made


@given(plans)
def test_text_and_hash_follow_from_what_the_plan_says_alone(made: Plan) -> None:
    turned = replace(made, bindings=dict(reversed(list(made.bindings.items()))))
    assert to_json(turned) == to_json(made)
    assert plan_hash(turned) == plan_hash(made)
    assert plan_hash(from_json(to_json(made))) == plan_hash(made)


@given(plans, plans)
def test_other_plans_have_other_hashes(one: Plan, other: Plan) -> None:
    if one != other and plan_hash(one) == plan_hash(other):
        # All that may differ is when the endpoints were read.
        def timeless(made: Plan) -> Plan:
            return replace(made, bindings={
                name: replace(binding, observed_at=binding.observed_at and datetime(2026, 1, 1, tzinfo=UTC))
                for name, binding in made.bindings.items()
            })  # fmt: skip

        assert timeless(one) == timeless(other)


def test_the_time_of_looking_does_not_count_but_whether_it_was_seen_does() -> None:
    early, late = (
        replace(
            EMPTY, bindings={"k8s": Binding("kubernetes", "simulated", datetime(2026, 11, day, tzinfo=UTC))}
        )
        for day in (21, 22)
    )
    assert plan_hash(early) == plan_hash(late) != plan_hash(EMPTY)


def test_force_counts(made: Plan) -> None:
    forced = replace(made, changes=(replace(made.changes[0], force=True), *made.changes[1:]))
    assert plan_hash(forced) != plan_hash(made)


def test_it_is_json_with_format_and_version_first_and_a_change_a_line(made: Plan) -> None:
    text = to_json(made)
    assert list(json.loads(text))[:2] == ["format", "version"]
    assert text.endswith("\n")
    assert len([line for line in text.splitlines() if '"action":"create"' in line]) == len(made.changes)


def test_it_is_written_as_people_read_it() -> None:
    reason = Text("受保护", "protected")
    held = replace(EMPTY, held=(Held(ENDPOINT, "jtj-egov", "jtj", Hold.PROTECTED, reason),))
    assert "受保护" in to_json(held)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "not whole"),
        ("{", "not whole"),
        ("not json", "not whole"),
        ("[]", "no plan"),
        ("{}", "no plan: format"),
        ('{"format":"something/else","version":1}', "no plan: format"),
        (b"\xff\xfe", "not whole"),
        ("[" * 100_000, "not whole"),
    ],
)
def test_what_is_no_plan_is_refused(text: str | bytes, said: str) -> None:
    with pytest.raises(UsageError, match=said) as raised:
        from_json(text)
    assert raised.value.exit_code == 2
    assert raised.value.remedy is not None
    assert raised.value.message.zh


def test_every_truncation_is_refused() -> None:
    text = to_json(EMPTY).rstrip()
    for end in range(len(text)):
        with pytest.raises(UsageError):
            from_json(text[:end])


def test_a_later_version_is_refused_by_its_number() -> None:
    with pytest.raises(UsageError, match="version 1"):
        from_json(to_json(EMPTY).replace('"version":1', '"version":2'))


def _without(document: dict[str, Any]) -> None:
    del document["changes"][0]["after"]


def _unknown(document: dict[str, Any]) -> None:
    document["changes"][0]["also"] = "this"


def _action(document: dict[str, Any]) -> None:
    document["changes"][0]["action"] = "explode"


def _key(document: dict[str, Any]) -> None:
    document["changes"][0]["key"] = "jtj"


def _long(document: dict[str, Any]) -> None:
    document["changes"][0]["tenant"] = "x" * 5000


@pytest.mark.parametrize(
    ("damage", "place"),
    [
        (_without, r"changes\.0\.after"),
        (_unknown, r"changes\.0\.also"),
        (_action, r"changes\.0\.action"),
        (_key, r"changes\.0\.key"),
        (_long, r"changes\.0\.tenant"),
    ],
)
def test_a_damaged_plan_is_refused_with_the_place(made: Plan, damage: Any, place: str) -> None:
    document = json.loads(to_json(made))
    damage(document)
    with pytest.raises(UsageError, match=place):
        from_json(json.dumps(document))


def test_no_plan_names_a_file_s_contents(made: Plan, tmp_path: Path) -> None:
    secret = "hunter2-hunter2"
    with pytest.raises(UsageError) as raised:
        from_json(f'{{"format":"yunjin/plan","version":1,"token":"{secret}"}}')
    assert secret not in str(raised.value)
    assert secret not in raised.value.message.zh
