"""What each refusal of a cluster becomes, and that a person can act on it."""

from __future__ import annotations

from typing import Any

import pytest

from yunjin.errors import (
    ConflictError,
    PermanentError,
    RefusalError,
    TransientError,
    UnreachableError,
    YunjinError,
)
from yunjin.model.resources import Key
from yunjin.substrates.kubernetes import errors
from yunjin.substrates.kubernetes.answer import Answer

KEY = Key("k8s-egov", "zfj", "ResourceQuota", "yunjin")


def _status(
    code: int, message: str = "said so", causes: list[dict[str, str]] | None = None, **more: Any
) -> Answer:
    status = {"kind": "Status", "message": message, "code": code, **more}
    if causes is not None:
        status["details"] = {"causes": causes}
    return Answer(code, "", status, retry_after=7.0)


TERMINATING = [{"reason": "NamespaceTerminating", "message": "", "field": "metadata.namespace"}]
OWNED = [
    {"reason": "FieldManagerConflict", "message": 'conflict with "hpa" using v1', "field": ".spec.hard.pods"}
]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (_status(400), PermanentError),
        (_status(401), RefusalError),
        (_status(403), RefusalError),
        (_status(403, causes=TERMINATING), TransientError),
        (_status(404), ConflictError),
        (Answer(404, "Not Found", {}, "404 page not found"), PermanentError),
        (_status(409), ConflictError),
        (_status(409, causes=OWNED), ConflictError),
        (_status(410), ConflictError),
        (_status(413), PermanentError),
        (_status(415), PermanentError),
        (_status(422, causes=[{"field": "spec.hard[x]", "message": "Invalid"}]), PermanentError),
        (_status(429), TransientError),
        (_status(500, "etcdserver: request timed out"), TransientError),
        (
            _status(500, "failed to create typed patch object (a/b): .spec.x: field not declared"),
            PermanentError,
        ),
        (Answer(502, "Bad Gateway", {}, "<html>"), TransientError),
        (_status(503), TransientError),
        (_status(504), TransientError),
    ],
)
def test_refusals(answer: Answer, expected: type[YunjinError]) -> None:
    error = errors.refused("k8s-egov", KEY, answer)
    assert type(error) is expected
    assert not isinstance(error, UnreachableError)
    assert error.remedy is not None
    for text in (error.message.zh, error.message.en):
        assert "k8s-egov" in text
        assert answer.code == 401 or str(KEY) in text
    for language in ("zh", "en"):
        assert error.remedy.of(language)


def test_waiting_takes_as_long_as_the_server_says() -> None:
    error = errors.refused("k8s", KEY, _status(429))
    assert isinstance(error, TransientError)
    assert error.retry_after == 7.0


def test_owners_of_contested_fields_are_named() -> None:
    error = errors.refused("k8s", KEY, _status(409, causes=OWNED))
    assert "spec.hard.pods (hpa)" in error.message.en
    assert "spec.hard.pods (hpa)" in error.message.zh


def test_refused_fields_are_named() -> None:
    error = errors.refused("k8s", KEY, _status(422, causes=[{"field": "spec.hard[x]"}]))
    assert error.remedy is not None
    assert "spec.hard[x]" in error.remedy.en


@pytest.mark.parametrize(
    "details",
    [None, [], {"causes": None}, {"causes": "x"}, {"causes": [None, 3, {}]}, {"causes": [{"field": None}]}],
)
def test_odd_details_are_borne(details: Any) -> None:
    for code in (403, 409, 422):
        answer = Answer(code, "", {"kind": "Status", "message": None, "details": details})
        assert isinstance(errors.refused("k8s", KEY, answer), YunjinError)


def test_long_messages_are_cut() -> None:
    error = errors.refused("k8s", KEY, _status(422, "x" * 5000 + "\n" * 50))
    assert len(error.message.en) < 500
    assert "\n" not in error.message.en


@pytest.mark.parametrize("error", [OSError("broken"), ConnectionResetError(), RuntimeError()])
def test_any_break_of_the_connection_is_unreachable(error: Exception) -> None:
    raised = errors.silent("k8s", "https://127.0.0.1:1", error)
    assert isinstance(raised, UnreachableError)
    assert "https://127.0.0.1:1" in raised.message.zh


def test_a_chain_of_causes_that_bites_its_tail_ends() -> None:
    first, second = OSError("a"), OSError("b")
    first.__cause__, second.__cause__ = second, first
    assert isinstance(errors.silent("k8s", "x", first), UnreachableError)
