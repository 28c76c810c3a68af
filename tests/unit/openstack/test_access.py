"""Which clouds.yaml is taken, and what is said of one that is not. Nothing is sent."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from yunjin.errors import UsageError
from yunjin.substrates.openstack.backend import OpenStackBackend

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "hunter2hunter2"
AUTH = {
    "auth_url": "https://keystone.local/v3",
    "username": "yunjin",
    "password": SECRET,
    "project_name": "admin",
    "user_domain_id": "default",
    "project_domain_id": "default",
}


def _written(folder: Path, clouds: Any) -> Path:
    file = folder / "clouds.yaml"
    file.write_text(json.dumps({"clouds": clouds}), "utf-8")
    return file


def _refusal(file: Path, cloud: str | None = None) -> UsageError:
    with pytest.raises(UsageError) as raised:
        OpenStackBackend.connect("os-egov", file, cloud)
    error = raised.value
    assert error.remedy is not None
    for text in (error.message, error.remedy):
        assert text.zh
        assert SECRET not in text.zh + text.en
    assert "os-egov" in error.message.zh
    assert str(file) in error.message.en
    return error


def test_the_only_cloud_needs_no_name(tmp_path: Path) -> None:
    OpenStackBackend.connect("os-egov", _written(tmp_path, {"city": {"auth": AUTH}}), None).close()


def test_of_several_clouds_one_is_named(tmp_path: Path) -> None:
    file = _written(tmp_path, {"city": {"auth": AUTH}, "county": {"auth": AUTH}})
    OpenStackBackend.connect("os-egov", file, "county").close()
    error = _refusal(file)
    assert error.remedy is not None
    assert "city, county" in error.remedy.en


@pytest.mark.parametrize("address", [f"https://yunjin:{SECRET}@keystone.local/v3", f"https://[{SECRET}/v3"])
def test_an_address_with_a_password_is_refused_and_not_repeated(tmp_path: Path, address: str) -> None:
    error = _refusal(_written(tmp_path, {"city": {"auth": {**AUTH, "auth_url": address}}}))
    assert "auth_url" in error.message.zh


def test_a_name_that_is_not_there_is_said_with_those_that_are(tmp_path: Path) -> None:
    error = _refusal(_written(tmp_path, {"city": {"auth": AUTH}}), "country")
    assert "country" in error.message.zh
    assert error.remedy is not None
    assert "city" in error.remedy.zh


def test_the_environment_does_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "other"
    other.mkdir()
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(_written(other, {"other": {"auth": AUTH}})))
    monkeypatch.setenv("OS_CLOUD", "other")
    monkeypatch.setenv("OS_USERNAME", "somebody")
    file = _written(tmp_path, {"city": {"auth": AUTH}})
    _refusal(file, "other")
    _refusal(file, "envvars")


@pytest.mark.parametrize(
    "content",
    [
        "",
        "clouds: [",
        "clouds: []",
        "clouds: {}",
        "- clouds",
        "cloud: {}",
        "clouds:\n  city: text",
        "clouds:\n  city: {}",
        "clouds:\n  city: {auth_type: none}",
        "clouds:\n  city: {auth_type: no-such-plugin, auth: {}}",
        f"clouds:\n  city: {{auth: {{auth_url: 'https://k/v3', password: {SECRET}}}",
        "clouds: &a {city: *a}",
        "\x00",
        "clouds:\n  city: {auth: [1]}",
    ],
)
def test_a_file_that_is_no_clouds_yaml_is_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "clouds.yaml"
    file.write_text(content, "utf-8")
    _refusal(file)


def test_a_missing_file_a_folder_and_bytes_are_refused(tmp_path: Path) -> None:
    _refusal(tmp_path / "none.yaml")
    _refusal(tmp_path)
    file = tmp_path / "clouds.yaml"
    file.write_bytes(b"\xff\xfe\x00clouds")
    _refusal(file)


def test_a_file_beyond_all_measure_is_not_read(tmp_path: Path) -> None:
    file = _written(tmp_path, {"city": {"auth": AUTH}})
    with file.open("a", encoding="utf-8") as more:
        more.write("#" * (1 << 20))
    assert "MiB" in _refusal(file).message.en


@pytest.mark.parametrize(
    "more",
    [
        {"verify": False},
        {"insecure": True},
        {"auth": {**AUTH, "auth_url": "http://keystone.local/v3"}},
    ],
)
def test_a_password_is_sent_to_nobody_unknown(tmp_path: Path, more: dict[str, Any]) -> None:
    error = _refusal(_written(tmp_path, {"city": {"auth": AUTH, **more}}))
    assert error.remedy is not None
    assert "cacert" in error.remedy.zh


def test_loopback_needs_no_certificate(tmp_path: Path) -> None:
    auth = {**AUTH, "auth_url": "http://127.0.0.1:5000/v3"}
    OpenStackBackend.connect("os-egov", _written(tmp_path, {"city": {"auth": auth}}), None).close()
