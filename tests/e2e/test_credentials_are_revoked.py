"""A tenant's credential works within its bounds until it is revoked; nothing keeps its secret.

The tenant has two namespaces. What it may do is asked of the real server, by a client that has nothing but
the kubeconfig that was handed out.
"""

from __future__ import annotations

import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from devcluster.api import MERGE_PATCH, Api
from own_cities import OwnCity, found
from waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from devcluster import DevCluster

CORE, APPS = "/api/v1", "/apis/apps/v1"
NETWORKING = "/apis/networking.k8s.io/v1"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
BOUNDS = (
    (NETWORKING, "networkpolicies", "yunjin-deny"),
    (RBAC, "rolebindings", "yunjin-admin"),
    (CORE, "resourcequotas", "yunjin"),
    (CORE, "limitranges", "yunjin"),
)


@pytest.fixture(scope="module")
def place(
    owned_cluster: DevCluster, unique: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> OwnCity:
    made = found(tmp_path_factory.mktemp("credentials"), owned_cluster, unique, zones=("egov", "inet"))
    made.desk.run("plan")
    made.desk.run("apply", "--yes")
    return made


def _issue(place: OwnCity, name: str, *more: str, tenant: int = 0) -> tuple[str, Path]:
    """Number and kubeconfig of a new credential."""
    file = place.desk.folder / f"{name}.kubeconfig"
    answer = place.desk.value(
        "tenant",
        "credential",
        "issue",
        place.tenants[tenant],
        "--to",
        "信息科科长",
        "--out",
        str(file),
        *more,
    )
    return answer["id"], file


def _acting(file: Path, leaf: str, endpoint: str) -> Api:
    return Api.from_kubeconfig(file, f"{leaf}@{endpoint}")


def _spec() -> dict[str, Any]:
    container = {
        "name": "web",
        "image": "web",
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    security = {"runAsNonRoot": True, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}}
    return {"containers": [container], "securityContext": security}


def test_it_opens_every_namespace_of_the_tenant_and_no_other(place: OwnCity) -> None:
    _, file = _issue(place, "both", "--role", "admin")
    contexts = [context["name"] for context in yaml.safe_load(file.read_text("utf-8"))["contexts"]]
    mine = {(place.leaf(zone=zone), endpoint) for zone, endpoint in place.endpoints.items()}
    assert sorted(contexts) == sorted(f"{leaf}@{endpoint}" for leaf, endpoint in mine)
    for leaf, endpoint in mine:
        tenant = _acting(file, leaf, endpoint)
        assert tenant.call("GET", f"{CORE}/namespaces/{leaf}/pods").status == 200
        for other in (place.leaf(1), "yunjin-credentials", "kube-system"):
            assert tenant.call("GET", f"{CORE}/namespaces/{other}/pods").status == 403


def test_it_works_within_its_bounds_and_moves_none_of_them(place: OwnCity) -> None:
    _, file = _issue(place, "admin", "--role", "admin")
    leaf = place.leaf()
    tenant = _acting(file, leaf, place.endpoints["egov"])
    labels = {"app": "web"}
    deployment = {
        "metadata": {"name": "web"},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": _spec()},
        },
    }
    tenant.must("POST", f"{APPS}/namespaces/{leaf}/deployments", deployment)
    wait_until(lambda: tenant.get(f"{CORE}/namespaces/{leaf}/pods?labelSelector=app%3Dweb")["items"] != [])
    tenant.must("POST", f"{CORE}/namespaces/{leaf}/pods", {"metadata": {"name": "one"}, "spec": _spec()})

    for root, kind, name in BOUNDS:
        path = f"{root}/namespaces/{leaf}/{kind}"
        assert tenant.call("POST", path, {"metadata": {"name": "mine"}}).status == 403
        assert tenant.call("DELETE", f"{path}/{name}").status == 403
        assert tenant.call("PATCH", f"{path}/{name}", {"spec": {}}, content_type=MERGE_PATCH).status == 403
    assert place.desk.value("drift")["drift"] == []


def test_a_viewer_changes_nothing(place: OwnCity) -> None:
    _, file = _issue(place, "viewer")
    tenant = _acting(file, place.leaf(), place.endpoints["egov"])
    pods = f"{CORE}/namespaces/{place.leaf()}/pods"
    assert tenant.call("GET", pods).status == 200
    assert tenant.call("POST", pods, {"metadata": {"name": "two"}, "spec": _spec()}).status == 403


def test_revoked_it_is_refused_everywhere_and_others_of_the_tenant_still_work(place: OwnCity) -> None:
    number, file = _issue(place, "lost")
    _, other = _issue(place, "kept")
    places = [(place.leaf(zone=zone), endpoint) for zone, endpoint in place.endpoints.items()]
    lost = [_acting(file, *each) for each in places]
    kept = [_acting(other, *each) for each in places]

    def answers(clients: list[Api]) -> list[int]:
        paths = [f"{CORE}/namespaces/{leaf}/pods" for leaf, _ in places]
        return [client.call("GET", path).status for client, path in zip(clients, paths, strict=True)]

    assert answers(lost) == answers(kept) == [200, 200]
    place.desk.run("tenant", "credential", "revoke", number)
    wait_until(lambda: answers(lost) == [401, 401], within=60)
    assert answers(kept) == [200, 200]

    records = {row["id"]: row for row in place.desk.value("tenant", "credential", "list", place.tenants[0])}
    assert records[number]["revoked"] is not None
    assert records[number]["post"] == "信息科科长"
    held = [row["id"] for row in place.desk.value("tenant", "credential", "list")]
    assert number not in held


def test_revoking_twice_changes_nothing(place: OwnCity) -> None:
    number, _ = _issue(place, "twice")
    first = place.desk.value("tenant", "credential", "revoke", number)
    assert place.desk.value("tenant", "credential", "revoke", number) == first


def test_its_secret_is_in_the_file_alone(place: OwnCity) -> None:
    """Not in the answer, the log, the state, or what other users of the machine see of the process."""
    file = place.desk.folder / "secret.kubeconfig"
    arguments = ("issue", place.tenants[0], "--to", "厂商", "--out", str(file), "--output", "json")
    process = place.desk.start("tenant", "credential", *arguments)
    seen = set()
    while process.poll() is None:
        for part in ("cmdline", "environ"):
            try:
                seen.add(Path(f"/proc/{process.pid}/{part}").read_bytes())
            except OSError:
                continue
    out, err = process.communicate()
    assert process.returncode == 0
    assert seen

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    users = yaml.safe_load(file.read_text("utf-8"))["users"]
    tokens = [user["user"]["token"].encode() for user in users]
    assert len(set(tokens)) == 2
    listed = place.desk.run("tenant", "credential", "list", place.tenants[0], "--output", "json")
    shown = place.desk.run("tenant", "credential", "list", place.tenants[0])
    status = place.desk.run("status")
    state = [path.read_bytes() for path in place.desk.state.rglob("*") if path.is_file()]
    assert state
    for token in tokens:
        signature = token.rpartition(b".")[2]
        for kept in (out.encode(), err.encode(), *(text.encode() for text in (listed, shown, status))):
            assert signature not in kept
        assert not [True for kept in (*state, *seen) if signature in kept]


def test_an_answer_to_a_program_never_holds_it(place: OwnCity) -> None:
    arguments = ("tenant", "credential", "issue", place.tenants[0], "--to", "厂商", "--output", "json")
    answer = place.desk.ask(*arguments, lang="en")
    assert answer.code == 2
    assert answer.out == ""
    assert "--out" in answer.errors[0]["remedy"]["en"]


def test_a_file_that_is_there_is_not_overwritten(place: OwnCity) -> None:
    file = place.desk.folder / "taken.kubeconfig"
    file.write_text("mine", "utf-8")
    before = place.desk.value("tenant", "credential", "list", place.tenants[1])
    arguments = ("tenant", "credential", "issue", place.tenants[1], "--to", "厂商", "--out")
    place.desk.run(*arguments, str(file), expect=2)
    place.desk.run(*arguments, str(place.desk.folder / "nowhere" / "x"), expect=2)
    assert file.read_text("utf-8") == "mine"
    assert place.desk.value("tenant", "credential", "list", place.tenants[1]) == before


def test_to_the_screen_it_is_a_kubeconfig_and_nothing_else(place: OwnCity) -> None:
    arguments = ("tenant", "credential", "issue", place.tenants[1], "--to", "厂商", "--expires", "12h")
    answer = place.desk.ask(*arguments)
    assert answer.code == 0
    assert yaml.safe_load(answer.out)["kind"] == "Config"
