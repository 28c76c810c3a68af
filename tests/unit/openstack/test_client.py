"""What the client makes of answers that clouds seldom give: parts of lists, tokens without a project."""

from __future__ import annotations

import json
import re
import socket
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

import pytest

from scripted_server import Scripted, ScriptedServer
from yunjin.errors import PermanentError, RefusalError, TransientError, UnreachableError
from yunjin.substrates.openstack.answer import IDENTITY, VOLUME
from yunjin.substrates.openstack.client import Client

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DOMAIN = {"id": "default", "name": "Default"}
PROJECT = {"project": {"id": "p", "name": "admin", "domain": DOMAIN}}


def _token(scope: dict[str, Any]) -> Scripted:
    user = {"id": "u", "name": "yunjin", "domain": DOMAIN}
    times = {"issued_at": "2026-11-22T00:00:00.000000Z", "expires_at": "2999-01-01T00:00:00.000000Z"}
    token = {"methods": ["password"], "user": user, "catalog": [], **times, **scope}
    return _json({"token": token}, 201, {"X-Subject-Token": "t"})


def _json(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> Scripted:
    return Scripted(
        status, json.dumps(body).encode(), {"Content-Type": "application/json", **(headers or {})}
    )


@contextmanager
def _client(
    folder: Path, *answers: dict[str, Any] | Scripted, scope: dict[str, Any] = PROJECT
) -> Iterator[tuple[Client, ScriptedServer]]:
    """A client of a Keystone that issues a token and then says this."""
    said = (each if isinstance(each, Scripted) else _json(each) for each in answers)
    with ScriptedServer(_token(scope), *said) as server:
        auth = {
            "auth_url": f"{server.address}/v3",
            "username": "yunjin",
            "password": "x",
            "user_domain_id": "default",
            "project_id": "p",
        }
        entry = {"auth_type": "v3password", "auth": auth, "identity_endpoint_override": auth["auth_url"]}
        file = folder / "clouds.yaml"
        file.write_text(json.dumps({"clouds": {"os": entry}}), "utf-8")
        client = Client.connect("os-egov", file, "os", timeout=5, connections=1)
        yield client, server
        client.close()


def _page(*ids: str, follows: str | None = None, **more: Any) -> dict[str, Any]:
    links = {"self": "http://inside/v3/projects", "previous": None, "next": follows}
    return {"projects": [{"id": each} for each in ids], "links": links, **more}


def test_a_list_that_ends_before_its_end_is_none(tmp_path: Path) -> None:
    part = _page("a", "b", truncated=True)
    with _client(tmp_path, part) as (client, _), pytest.raises(PermanentError) as caught:
        client.listed(IDENTITY, "/projects", "projects", about="projects")
    assert caught.value.message.zh == "接入点 os-egov: Keystone 只给出 projects 的一部分"
    assert caught.value.remedy is not None
    assert "list_limit" in caught.value.remedy.zh


def test_a_list_in_pages_is_read_to_its_end(tmp_path: Path) -> None:
    first = _page("a", follows="http://inside/v3/projects?marker=a&limit=1", truncated=True)
    with _client(tmp_path, first, _page("b")) as (client, server):
        found = client.listed(IDENTITY, "/projects?domain_id=d", "projects", about="projects")
        asked = [each.path for each in server.asked[1:]]
    assert [each["id"] for each in found] == ["a", "b"]
    assert asked == ["/v3/projects?domain_id=d", "/v3/projects?marker=a&limit=1"]


def test_a_service_may_say_until_when_to_wait(tmp_path: Path) -> None:
    in_an_hour = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    busy = _json({}, 503, {"Retry-After": in_an_hour})
    with _client(tmp_path, busy, _page("a")) as (client, server):
        answer = client.send(IDENTITY, "GET", "/projects")
    assert (answer.code, len(server.asked)) == (503, 2)  # one of them for the token
    assert answer.retry_after is not None
    assert 3500 < answer.retry_after <= 3600


def test_pages_that_lead_in_a_circle_are_no_list(tmp_path: Path) -> None:
    page = _page("a", follows="/v3/projects?marker=a")
    with _client(tmp_path, page, page) as (client, _), pytest.raises(TransientError):
        client.listed(IDENTITY, "/projects", "projects", about="projects")


def test_a_service_that_no_catalogue_names_is_not_there_and_that_is_no_error(tmp_path: Path) -> None:
    with _client(tmp_path) as (client, _):
        assert not client.has(VOLUME)
        with pytest.raises(RefusalError) as caught:
            client.send(VOLUME, "GET", "/volumes")
    assert caught.value.message.zh == "接入点 os-egov 的服务目录中没有 Cinder (block-storage)"


@pytest.mark.parametrize("scope", [{"domain": DOMAIN}, {"system": {"all": True}}, {}])
def test_a_token_for_no_project_is_refused_before_anything_is_asked(
    tmp_path: Path, scope: dict[str, Any]
) -> None:
    with _client(tmp_path, {}, scope=scope) as (client, server):
        with pytest.raises(RefusalError) as caught:
            client.listed(IDENTITY, "/projects", "projects", about="projects")
        assert [each.path for each in server.asked] == ["/v3/auth/tokens"]
    assert caught.value.remedy is not None
    assert "project_name" in caught.value.remedy.zh


def test_where_nobody_answers_keystone_is_named(tmp_path: Path) -> None:
    """Else an operator looks after the service that was asked for."""
    with _client(tmp_path):
        """It leaves its file."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        file = tmp_path / "clouds.yaml"
        address = f"http://127.0.0.1:{closed.getsockname()[1]}"
        file.write_text(re.sub(r"http://127\.0\.0\.1:\d+", address, file.read_text("utf-8")), "utf-8")
        client = Client.connect("os-egov", file, "os", timeout=5, connections=1)
        for ask in (lambda: client.has(VOLUME), lambda: client.send(VOLUME, "GET", "/volumes")):
            with pytest.raises(UnreachableError, match="Keystone"):
                ask()
        client.close()
