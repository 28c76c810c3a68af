"""Where objects are kept: what an operator may write, and that no secret gets out."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from scripted_server import Scripted, ScriptedServer
from yunjin.errors import (
    PermanentError,
    RefusalError,
    TransientError,
    UnreachableError,
    UsageError,
    YunjinError,
)
from yunjin.store.objects import open_objects
from yunjin.store.objects.place import read_access

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SECRET = "correct-horse-battery-staple"
WRITTEN = f"[default]\naws_access_key_id = me\naws_secret_access_key = {SECRET}\n"


@pytest.fixture
def credentials(tmp_path: Path) -> Callable[[str], str]:
    """Writes a credentials file; its reference."""

    def write(text: str) -> str:
        (tmp_path / "credentials").write_text(text, "utf-8")
        return f"file:{tmp_path / 'credentials'}"

    return write


def test_a_file_and_a_variable_lead_to_the_same(
    credentials: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    reference = credentials(f"{WRITTEN}endpoint_url = https://s3.panjin.gov.cn\n[other]\n")
    monkeypatch.setenv("CITY_S3", reference.removeprefix("file:"))

    access = read_access("env:CITY_S3")
    assert access == read_access(reference)
    assert (access.endpoint, access.region) == ("https://s3.panjin.gov.cn", "us-east-1")
    assert SECRET not in repr(access)


@pytest.mark.parametrize(
    ("text", "profile", "said"),
    [
        ("[default]\naws_access_key_id = me\n", "", "access key is missing"),
        (f"{WRITTEN}endpoint_url = ftp://x\n", "", "no address"),
        (f"{WRITTEN}endpoint_url = https://[x\n", "", "no address"),
        (f"{WRITTEN}endpoint_url = http://s3.panjin.gov.cn\n", "", "does not verify the server"),
        (WRITTEN, "#other", "no section"),
        (f"{SECRET}\n", "", "not written as"),
        (f"{WRITTEN}{WRITTEN}", "", "not written as"),
    ],
)
def test_a_file_that_cannot_be_meant(
    credentials: Callable[[str], str], text: str, profile: str, said: str
) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        read_access(credentials(text) + profile)
    assert SECRET not in str(caught.value.message) + str(caught.value.remedy)
    assert caught.value.__cause__ is None or SECRET not in str(caught.value.__cause__)


@pytest.mark.parametrize("reference", ["", "env:", "file:", SECRET, "env:NOT_SET_ANYWHERE", "file:/no/where"])
def test_a_reference_that_leads_nowhere(reference: str) -> None:
    with pytest.raises(UsageError):
        open_objects("s3://bucket/prefix", reference)


@pytest.mark.parametrize("target", ["", "http://host/path", "s3://", "s3://UPPER/x", "gs://bucket"])
def test_a_target_that_is_none(target: str, credentials: Callable[[str], str]) -> None:
    with pytest.raises(UsageError):
        open_objects(target, credentials(WRITTEN))


@pytest.mark.parametrize("target", [f"s3://me:{SECRET}@bucket/x", f"https://me:{SECRET}@host/x"])
def test_keys_in_a_target_are_not_repeated(target: str, credentials: Callable[[str], str]) -> None:
    with pytest.raises(UsageError) as caught:
        open_objects(target, credentials(WRITTEN))
    assert SECRET not in str(caught.value.message) + str(caught.value.remedy)


def _said(code: str) -> bytes:
    return f"<Error><Code>{code}</Code><Message>{SECRET}</Message></Error>".encode()


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (403, "InvalidAccessKeyId", RefusalError),
        (403, "SignatureDoesNotMatch", RefusalError),
        (503, "SlowDown", TransientError),
        (404, "NoSuchBucket", UsageError),
        (400, "Nonsense", PermanentError),
    ],
)
def test_what_a_server_says_becomes_one_of_our_errors(
    credentials: Callable[[str], str],
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    code: str,
    kind: type[YunjinError],
) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: None)  # the SDK's own patience is not what is asked
    headers = {"Content-Type": "application/xml"}
    with ScriptedServer(Scripted(status, _said(code), headers)) as server:
        store = open_objects("s3://bucket/x", credentials(f"{WRITTEN}endpoint_url = {server.address}\n"))
        for work in (lambda: store.put("a", b"1", datetime.now(UTC)), lambda: store.names("")):
            with pytest.raises(kind) as caught:
                work()
            assert SECRET not in caught.value.message.zh + caught.value.message.en


def test_a_server_that_ignores_the_lock_is_not_believed(credentials: Callable[[str], str]) -> None:
    enabled = (
        b"<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled></ObjectLockConfiguration>"
    )
    answers = (Scripted(200, enabled), Scripted(200, b""), Scripted(200, b""))
    with ScriptedServer(*answers) as server:
        store = open_objects("s3://bucket/x", credentials(f"{WRITTEN}endpoint_url = {server.address}\n"))
        with pytest.raises(RefusalError, match="no object lock"):
            store.put("a", b"1", datetime.now(UTC))
        assert [asked.method for asked in server.asked] == ["GET", "PUT", "HEAD"]


def _listing(version: str) -> Scripted:
    return Scripted(
        200, f"<ListVersionsResult><Version><Key>x/a</Key>{version}</Version></ListVersionsResult>".encode()
    )


@pytest.mark.parametrize(
    "answers",
    [
        (_listing(""),),
        (Scripted(302, b"", {"Location": "http://127.0.0.1:9/"}),),
        (
            _listing("<VersionId>1</VersionId>"),
            Scripted(200, b"", {"x-amz-object-lock-retain-until-date": "never"}),
        ),
    ],
    ids=["versions without a number", "redirections", "a date that is none"],
)
def test_what_no_server_of_objects_answers(
    answers: tuple[Scripted, ...], credentials: Callable[[str], str]
) -> None:
    with ScriptedServer(*answers) as server:
        store = open_objects("s3://bucket/x", credentials(f"{WRITTEN}endpoint_url = {server.address}\n"))
        with pytest.raises(PermanentError, match="what S3 does not"):
            store.records("")


def test_nobody_answers(credentials: Callable[[str], str]) -> None:
    store = open_objects("s3://bucket/x", credentials(f"{WRITTEN}endpoint_url = http://127.0.0.1:9\n"))
    with pytest.raises(UnreachableError):
        store.names("")


def test_what_else_the_machine_has_is_not_used(
    credentials: Callable[[str], str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "own").write_text("[profile x]\nregion = elsewhere\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "own"))
    monkeypatch.setenv("AWS_PROFILE", "not-there")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "somebody-else")
    with ScriptedServer(Scripted(200, b"<ListVersionsResult></ListVersionsResult>")) as server:
        store = open_objects("s3://bucket/x", credentials(f"{WRITTEN}endpoint_url = {server.address}\n"))
        assert store.names("") == []
        assert "Credential=me/" in server.asked[0].headers["Authorization"]
