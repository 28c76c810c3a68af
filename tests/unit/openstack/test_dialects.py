"""How services say no: what is exhausted, what is forbidden, what has changed, and what may be quoted."""

from __future__ import annotations

from typing import Any

import pytest

from yunjin.errors import (
    ConflictError,
    PermanentError,
    RefusalError,
    TransientError,
    YunjinError,
)
from yunjin.substrates.openstack import dialects, errors
from yunjin.substrates.openstack.answer import COMPUTE, IDENTITY, NETWORK, VOLUME, Answer, Service


def _answer(service: Service, code: int, body: dict[str, Any], **more: Any) -> Answer:
    return Answer(service, code, "", body, **more)


def _nova(code: int, message: str) -> Answer:
    return _answer(COMPUTE, code, {"forbidden" if code == 403 else "badRequest": {"message": message}})


def _neutron(code: int, kind: str, message: str) -> Answer:
    return _answer(NETWORK, code, {"NeutronError": {"type": kind, "message": message, "detail": ""}})


def _cinder(code: int, message: str, **more: Any) -> Answer:
    return _answer(VOLUME, code, {"overLimit": {"code": code, "message": message}}, **more)


EXHAUSTED = {
    "Nova": (
        _nova(403, "Quota exceeded for cores, ram: Requested 4, but already used 4 of 4 cores"),
        ("cores", "ram"),
    ),
    "Nova ports": (_nova(403, "Maximum number of ports exceeded"), ("ports",)),
    "Neutron": (_neutron(409, "OverQuota", "Quota exceeded for resources: ['port']."), ("port",)),
    "Cinder": (
        _cinder(413, "VolumeSizeExceedsAvailableQuota: Requested volume exceeds allowed gigabytes quota."),
        ("gigabytes",),
    ),
    "Cinder volumes": (
        _cinder(
            413, "VolumeLimitExceeded: Maximum number of volumes allowed (10) exceeded for quota 'volumes'."
        ),
        ("volumes",),
    ),
    "unnamed": (_neutron(409, "OverQuota", "No more of it"), ("network",)),
}
OTHERWISE: dict[str, tuple[Answer, type[YunjinError]]] = {
    "Nova's policy": (_nova(403, "Policy doesn't allow os_compute_api:os-quota-sets:update"), RefusalError),
    "Neutron's conflict": (_neutron(409, "SubnetInUse", "Unable to complete operation"), ConflictError),
    "Cinder's rate": (_cinder(413, "This request was rate-limited.", retry_after=5.0), TransientError),
}


@pytest.mark.parametrize(("answer", "resources"), EXHAUSTED.values(), ids=EXHAUSTED.keys())
def test_over_quota_is_recognised_in_three_dialects(answer: Answer, resources: tuple[str, ...]) -> None:
    assert dialects.over_quota(answer) == resources
    error = errors.refused("os-egov", "a server", answer)
    assert type(error) is RefusalError
    assert error.facts["over_quota"] == list(resources)
    assert all(name in error.message.zh and name in error.message.en for name in resources)


@pytest.mark.parametrize(("answer", "kind"), OTHERWISE.values(), ids=OTHERWISE.keys())
def test_the_same_codes_say_other_things_too(answer: Answer, kind: type[YunjinError]) -> None:
    assert dialects.over_quota(answer) == ()
    error = errors.refused("os-egov", "a quota", answer)
    assert type(error) is kind
    assert "over_quota" not in error.facts


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (400, PermanentError),
        (401, RefusalError),
        (403, RefusalError),
        (404, ConflictError),
        (406, PermanentError),
        (409, ConflictError),
        (412, ConflictError),
        (413, TransientError),
        (429, TransientError),
        (500, TransientError),
        (503, TransientError),
    ],
)
def test_every_code_has_its_reader(code: int, kind: type[YunjinError]) -> None:
    answer = _answer(COMPUTE, code, {"error": {"message": "so it is"}}, retry_after=7.0)
    error = errors.refused("os-egov", "os-egov/jtj-egov/Quota/yunjin", answer)
    assert type(error) is kind
    assert error.remedy is not None
    for text in (error.message, error.remedy):
        assert text.zh
        assert text.en
    assert "os-egov" in error.message.zh
    if isinstance(error, TransientError):
        assert error.retry_after == 7.0


@pytest.mark.parametrize(
    "message",
    [
        "Quota limit 1 for cores must be greater than or equal to already used and reserved 2.",
        "Project ID 9f2e is not a valid project.",
    ],
)
def test_what_was_good_when_it_was_planned_asks_for_another_plan(message: str) -> None:
    assert type(errors.refused("os-egov", "a quota", _nova(400, message))) is ConflictError


def test_the_figures_that_are_below_use_are_named() -> None:
    said = "Quota limit 5 for security_group_rule must be greater than or equal to already used 6"
    assert dialects.below_use_of(_neutron(400, "QuotaBelowUse", said)) == {"security_group_rule"}
    assert dialects.below_use_of(_neutron(400, "HTTPBadRequest", "Unrecognized attribute")) == frozenset()
    assert dialects.below_use_of(_neutron(409, "OverQuota", said)) == frozenset()


@pytest.mark.parametrize(
    "secret",
    [
        "token gAAAAABnRk3v0sSecretSecretSecret",
        "X-Auth-Token: 4f5a6b7c8d9e0f1a2b3c4d5e6f708192",
        '{"password": "hunter2hunter2"}',
        "https://admin:hunter2hunter2@keystone.local/v3",
        "application_credential_secret=c29tZSBzZWNyZXQ",
    ],
)
def test_no_credential_is_repeated(secret: str) -> None:
    answer = _answer(IDENTITY, 500, {"error": {"message": f"could not use {secret} here"}})
    error = errors.refused("os-egov", "a project", answer)
    for part in ("gAAAAABnRk3v0s", "4f5a6b7c", "hunter2", "c29tZSBz"):
        assert part not in error.message.zh + error.message.en
    assert "could not use" in error.message.en


def test_what_is_quoted_is_one_short_line() -> None:
    answer = _answer(COMPUTE, 500, {}, text="<html>\n" + "x" * 10_000)
    message = errors.refused("os-egov", "a project", answer).message
    assert "\n" not in message.zh
    assert len(message.zh) < 400
