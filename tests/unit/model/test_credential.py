"""Credentials of several leaves in one file."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from yunjin.model.credential import Credential, merged

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def _credential(**document: Any) -> Credential:
    return Credential("k8s", "zfj-egov", "admin", "ab12", NOON, document)


def test_its_secret_is_not_shown() -> None:
    assert "s3cret" not in f"{_credential(token='s3cret')!r} {_credential(token='s3cret')}"


def test_lists_and_mappings_are_united_and_the_first_word_counts() -> None:
    first = _credential(kind="Config", clusters=[{"name": "a"}], clouds={"x": 1}, current="one")
    second = _credential(
        kind="Config", clusters=[{"name": "a"}, {"name": "b"}], clouds={"y": 2}, current="two"
    )
    assert merged([first, second]) == {
        "kind": "Config",
        "clusters": [{"name": "a"}, {"name": "b"}],
        "clouds": {"x": 1, "y": 2},
        "current": "one",
    }
    assert first.document["clusters"] == [{"name": "a"}]
