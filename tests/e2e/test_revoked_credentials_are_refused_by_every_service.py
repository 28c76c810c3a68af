"""A revoked credential is refused by every service of both substrates within a minute.

The tenant has a namespace and a project. What it may do is asked of the real services, by clients that have
nothing but the files that were handed out.
"""

from __future__ import annotations

import os
import signal
import stat
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from devcluster.api import Api
from handed_out import READS, CloudToken, clouds, lets_in, refused, secrets_in
from own_cities import REMEMBERS, OwnCity, found
from waiting import wait_until
from yunjin.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from devcloud import CloudApi, DevCloud
    from devcluster import DevCluster

CREDENTIAL = ("tenant", "credential")
SERVICES = {"Keystone", "Nova", "Neutron", "Cinder", "Glance"}
MARK = "yunjin-credential-"


@pytest.fixture(scope="module")
def place(
    owned_cluster: DevCluster,
    cloud: DevCloud,
    unique: Callable[[str], str],
    tmp_path_factory: pytest.TempPathFactory,
) -> OwnCity:
    made = found(tmp_path_factory.mktemp("both"), owned_cluster, unique, cloud=cloud)
    made.desk.run("plan")
    made.desk.run("apply", "--yes")
    return made


@pytest.fixture
def admin(cloud: DevCloud) -> CloudApi:
    return cloud.api()


class Handed:
    """What one `issue` or `rotate` wrote, and tokens got with it."""

    def __init__(self, place: OwnCity, number: str, out: Path, tenant: int = 0) -> None:
        self.number = number
        self.kubeconfig = out.with_name(f"{out.name}.kubeconfig")
        self.clouds = out.with_name(f"{out.name}.clouds.yaml")
        self.context = f"{place.leaf(tenant)}@{place.endpoints['egov']}"
        self.cloud = f"{place.leaf(tenant)}@{place.cloud}"
        self._pods = f"/api/v1/namespaces/{place.leaf(tenant)}/pods"

    def token(self) -> CloudToken:
        return CloudToken.of(self.clouds, self.cloud)

    def api(self) -> Api:
        return Api.from_kubeconfig(self.kubeconfig, self.context)

    def pods(self, api: Api) -> int:
        return api.call("GET", self._pods).status


def _issue(place: OwnCity, name: str, *more: str, tenant: int = 0) -> Handed:
    out = place.desk.folder / name
    owner = place.tenants[tenant]
    answer = place.desk.value(*CREDENTIAL, "issue", owner, "--to", "信息科科长", "--out", str(out), *more)
    handed = Handed(place, answer["id"], out, tenant)
    assert answer["files"] == {"kubernetes": str(handed.kubeconfig), "openstack": str(handed.clouds)}
    return handed


def _own_users(admin: CloudApi, number: str = "") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = admin.get("identity", f"/users?name__startswith={MARK}{number}")["users"]
    return found


def test_a_tenant_with_both_gets_both_files_and_works_in_its_own_project_alone(
    place: OwnCity, admin: CloudApi
) -> None:
    handed = _issue(place, "admin", "--role", "admin")
    for file in (handed.kubeconfig, handed.clouds):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(clouds(handed.clouds)) == [handed.cloud]
    assert handed.pods(handed.api()) == 200

    token = handed.token()
    assert token.body["project"]["name"] == place.leaf()
    assert token.roles == {"member", "reader"}
    assert set(token.answers().values()) == {200}
    network = {"network": {"name": "mine"}}
    assert token.call("POST", "block-storage", "/volumes", {"volume": {"size": 1}}).status == 202
    assert (
        token.call("POST", "network", "/v2.0/networks", network).status == 409
    )  # none beyond the standard one
    assert token.call("GET", "compute", "/servers?all_tenants=1").status == 403

    other = admin.get("identity", f"/projects?name={place.leaf(1)}")["projects"][0]["id"]
    assert token.call("GET", "identity", f"/projects/{other}").status == 403
    assert token.call("GET", "block-storage", f"/os-quota-sets/{other}").status == 403
    assert token.call("PUT", "compute", f"/os-quota-sets/{token.project}", {"quota_set": {}}).status == 403


def test_it_gives_itself_nothing_more(place: OwnCity, admin: CloudApi) -> None:
    """Neither another application credential nor a password, and nobody can log in as its user."""
    token = _issue(place, "restricted", "--role", "admin").token()
    user, mine = token.body["user"]["id"], f"/users/{token.body['user']['id']}"
    more = {"application_credential": {"name": "more"}}
    assert token.call("POST", "identity", f"{mine}/application_credentials", more).status == 403
    assert token.call("PATCH", "identity", mine, {"user": {"password": "Known-1-Password"}}).status == 403
    assert (
        token.call("POST", "identity", f"{mine}/credentials/OS-EC2", {"tenant_id": token.project}).status
        == 403
    )
    assert token.call("GET", "identity", "/users").status == 403

    (made,) = admin.get("identity", f"{mine}/application_credentials")["application_credentials"]
    assert made["unrestricted"] is False
    assert made["expires_at"] is not None
    assert admin.get("identity", f"{mine}/groups")["groups"] == []
    (right,) = admin.get("identity", f"/role_assignments?user.id={user}&include_names")["role_assignments"]
    assert (right["role"]["name"], right["scope"]["project"]["name"]) == ("member", place.leaf())


def test_a_viewer_looks_and_changes_nothing(place: OwnCity) -> None:
    handed = _issue(place, "viewer")
    token = handed.token()
    assert token.roles == {"reader"}
    assert set(token.answers().values()) == {200}
    assert token.call("POST", "block-storage", "/volumes", {"volume": {"size": 1}}).status == 403
    assert handed.pods(handed.api()) == 200


def test_a_token_from_before_is_refused_everywhere_and_others_of_the_tenant_go_on(place: OwnCity) -> None:
    lost, kept = _issue(place, "lost"), _issue(place, "kept")
    tokens = {"lost": lost.token(), "kept": kept.token()}
    apis = {"lost": lost.api(), "kept": kept.api()}
    for name, token in tokens.items():
        assert set(token.answers().values()) == {200}, name  # now every service remembers it
        assert lost.pods(apis[name]) == 200

    answer = place.desk.value(*CREDENTIAL, "revoke", lost.number)
    assert set(answer["accepted_until"]) == {place.endpoints["egov"], place.cloud}
    assert not lets_in(lost.clouds, lost.cloud)

    wait_until(lambda: refused(tokens["lost"].answers()) and lost.pods(apis["lost"]) == 401, within=60)
    assert set(tokens["kept"].answers().values()) == {200}
    assert kept.pods(apis["kept"]) == 200

    again = place.desk.value(*CREDENTIAL, "revoke", lost.number)
    assert again == answer


def test_the_answer_says_until_when(place: OwnCity) -> None:
    handed = _issue(place, "dated")
    text = place.desk.run(*CREDENTIAL, "revoke", handed.number, lang="en")
    assert "refused everywhere by 20" in text
    assert "doctor" not in text
    place.desk.replace("endpoints.yaml", f"token_cache_seconds: {REMEMBERS}", "token_cache_seconds: 300")
    try:
        text = place.desk.run(*CREDENTIAL, "revoke", handed.number)
        assert f"{place.cloud} 记住令牌超过 1 分钟, 见 yunjin doctor" in text
        (row,) = [each for each in place.desk.value("doctor") if each["endpoint"] == place.cloud]
        assert [each["severity"] for each in row["complaints"]] == ["warning"]
        assert "300 s" in row["complaints"][0]["message"]["en"]
        place.desk.run("doctor", "--strict", expect=1)
    finally:
        place.desk.replace("endpoints.yaml", "token_cache_seconds: 300", f"token_cache_seconds: {REMEMBERS}")


def test_nobody_elses_rights_and_no_drift_come_of_it(place: OwnCity, admin: CloudApi) -> None:
    handed = _issue(place, "unseen", tenant=1)
    assert place.desk.value("plan")["plan"]["changes"] == []
    assert place.desk.value("drift")["drift"] == []
    # Given more than it was made with, its user is a stranger with rights, and shown.
    (user,) = _own_users(admin, handed.number)
    (role,) = admin.get("identity", "/roles?name=member")["roles"]
    path = f"/projects/{handed.token().project}/users/{user['id']}/roles/{role['id']}"
    admin.must("PUT", "identity", path)
    shown = place.desk.value("drift", expect=1)["drift"]
    assert [each["object"].rpartition("/")[2] for each in shown] == [f"{user['name']} ({user['id']})"]
    admin.must("DELETE", "identity", path)


def test_a_rotated_one_is_like_the_old_which_ends(place: OwnCity) -> None:
    old = _issue(place, "old", "--role", "admin", "--expires", "12h")
    token = old.token()
    out = place.desk.folder / "new"
    answer = place.desk.value(*CREDENTIAL, "rotate", old.number, "--out", str(out))
    new = Handed(place, answer["id"], out)
    assert (answer["role"], answer["post"]) == ("admin", "信息科科长")
    assert answer["replaces"]["id"] == old.number
    assert answer["replaces"]["revoked"] is not None
    assert set(new.token().answers().values()) == {200}
    assert new.pods(new.api()) == 200
    assert not lets_in(old.clouds, old.cloud)
    assert token.answers()["identity"] in (401, 404)
    records = {each["id"]: each for each in place.desk.value(*CREDENTIAL, "list", place.tenants[0])}
    assert _life(records[new.number]) == 12 * 3600


def _life(record: dict[str, Any]) -> float:
    issued, expires = (datetime.fromisoformat(record[name]) for name in ("issued", "expires"))
    return (expires - issued).total_seconds()


def test_with_an_overlap_the_old_one_goes_on(place: OwnCity) -> None:
    old = _issue(place, "overlapped")
    answer = place.desk.value(
        *CREDENTIAL, "rotate", old.number, "--overlap", "1h", "--out", str(place.desk.folder / "overlapping")
    )
    assert answer["replaces"]["accepted_until"] is None
    assert set(old.token().answers().values()) == {200}
    assert place.desk.value(*CREDENTIAL, "revoke", "--ended") == []
    with Store.open(place.desk.state) as store:
        store.credentials.shorten(old.number, store.now())
    (ended,) = place.desk.value(*CREDENTIAL, "revoke", "--ended")
    assert (ended["id"], ended["error"]) == (old.number, None)
    assert not lets_in(old.clouds, old.cloud)


def test_its_secrets_are_in_the_files_alone(place: OwnCity, cloud: DevCloud) -> None:
    """Not in the answer, the log, the state, a plan, or what others on the machine see of the process."""
    out = place.desk.folder / "secret"
    arguments = ("issue", place.tenants[0], "--to", "厂商", "--out", str(out), "--output", "json")
    process = place.desk.start(*CREDENTIAL, *arguments)
    seen = set()
    while process.poll() is None:
        for part in ("cmdline", "environ"):
            try:
                seen.add(Path(f"/proc/{process.pid}/{part}").read_bytes())
            except OSError:
                continue
    told = process.communicate()
    assert process.returncode == 0
    assert seen

    files = (out.with_name("secret.kubeconfig"), out.with_name("secret.clouds.yaml"))
    secrets = secrets_in(*files)
    assert len(set(secrets)) == 2
    texts = [place.desk.run(*CREDENTIAL, "list", place.tenants[0], "--output", "json")]
    texts += [place.desk.run(*command) for command in (("status",), ("plan",), ("doctor",), ("drift",))]
    texts.append(place.desk.run("plan", "--out", "secretless.json"))
    kept = [
        path.read_bytes() for path in place.desk.folder.rglob("*") if path.is_file() and path not in files
    ]
    kept += [path.read_bytes() for path in cloud.folder.glob("*.log")]
    assert len(kept) > 10
    for secret in secrets:
        assert secret not in "".join((*told, *texts))
        assert not [True for each in (*kept, *seen) if secret.encode() in each]


def test_to_the_screen_two_files_are_too_many(place: OwnCity) -> None:
    before = place.desk.value(*CREDENTIAL, "list", place.tenants[1])
    answer = place.desk.ask(*CREDENTIAL, "issue", place.tenants[1], "--to", "厂商", lang="en")
    assert (answer.code, answer.out) == (2, "")
    assert "--out" in answer.err
    assert place.desk.value(*CREDENTIAL, "list", place.tenants[1]) == before


def test_a_run_killed_on_its_way_leaves_nothing_that_cannot_be_revoked(
    place: OwnCity, admin: CloudApi
) -> None:
    """Killed as soon as the cloud knows its user: no file, no password, and a record to revoke."""
    number = ""
    for attempt in range(5):
        before = {user["name"] for user in _own_users(admin)}
        out = str(place.desk.folder / f"killed-{attempt}")
        process = place.desk.start(*CREDENTIAL, "issue", place.tenants[1], "--to", "厂商", "--out", out)
        while process.poll() is None:
            fresh = {user["name"] for user in _own_users(admin)} - before
            if fresh:
                os.kill(process.pid, signal.SIGKILL)
                number = fresh.pop().removeprefix(MARK).partition(".")[0]
                break
        process.communicate()
        if process.returncode == -signal.SIGKILL:
            break
    assert process.returncode == -signal.SIGKILL
    holding = [row["id"] for row in place.desk.value(*CREDENTIAL, "list")]
    assert number in holding
    place.desk.run(*CREDENTIAL, "revoke", number)
    assert _own_users(admin, number) == []
    assert number not in [row["id"] for row in place.desk.value(*CREDENTIAL, "list")]


@pytest.fixture
def without_cinder(admin: CloudApi) -> Iterator[None]:
    """The catalogue does not name it."""
    endpoints = [
        endpoint
        for name in ("block-storage", "volumev3")  # the second is what it was called earlier
        for service in admin.get("identity", f"/services?type={name}")["services"]
        for endpoint in admin.get("identity", f"/endpoints?service_id={service['id']}")["endpoints"]
    ]
    for each in endpoints:
        admin.must("PATCH", "identity", f"/endpoints/{each['id']}", {"endpoint": {"enabled": False}})
    yield
    for each in endpoints:
        admin.must("PATCH", "identity", f"/endpoints/{each['id']}", {"endpoint": {"enabled": True}})


def test_the_doctor_finds_a_healthy_city_and_measures_how_fast_it_forgets(
    place: OwnCity, admin: CloudApi
) -> None:
    before = {user["name"] for user in _own_users(admin)}
    rows = {row["endpoint"]: row for row in place.desk.value("doctor", "--probe")}
    cloud, cluster = rows[place.cloud], rows[place.endpoints["egov"]]
    assert (cloud["state"], cluster["state"]) == ("well", "well")
    assert (cloud["ahead_seconds"], cluster["ahead_seconds"]) == (0, 0)
    assert cloud["complaints"] == cluster["complaints"] == []
    assert set(cloud["measured_seconds"]) == SERVICES
    assert len(READS) == len(SERVICES)
    assert cloud["measured_seconds"]["Keystone"] < REMEMBERS / 2
    assert max(cloud["measured_seconds"].values()) <= REMEMBERS + 2
    assert set(cluster["measured_seconds"]) == {"Kubernetes"}
    assert {user["name"] for user in _own_users(admin)} == before


@pytest.mark.usefixtures("without_cinder")
def test_the_doctor_names_a_service_that_the_catalogue_lacks(place: OwnCity) -> None:
    row = next(row for row in place.desk.value("doctor", expect=1) if row["endpoint"] == place.cloud)
    assert row["missing"] == ["Cinder"]
    assert "no Cinder" in row["complaints"][0]["message"]["en"]
    said = place.desk.run("doctor", expect=1)
    assert f"接入点 {place.cloud} 的服务目录中没有 Cinder" in said


def test_the_doctor_tells_who_does_not_answer(place: OwnCity, cloud: DevCloud, tmp_path: Path) -> None:
    deaf = tmp_path / "clouds.yaml"
    deaf.write_text(cloud.clouds_yaml.read_text("utf-8").replace(cloud.auth_url, "http://127.0.0.1:9/v3"))
    arguments = ("doctor", "--os-cloud", cloud.name)
    answer = place.desk.ask(*arguments, "--output", "json", OS_CLIENT_CONFIG_FILE=str(deaf))
    assert answer.code == 3
    assert '"unreachable"' in answer.out
