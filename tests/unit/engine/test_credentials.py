"""Credentials: what can be handed out, and what is on record. The rest is tested on the real server."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from yunjin.engine import credentials
from yunjin.engine.credentials import Handed, Issued
from yunjin.engine.endpoints import connect
from yunjin.errors import UnreachableError, UsageError
from yunjin.store import Credential, Store

if TYPE_CHECKING:
    from pathlib import Path

    from clocks import Clock
    from spines import City

WELL = {"role": "viewer", "post": "信息科科长", "life": timedelta(days=30)}


def _handed(**fields: Any) -> Handed:
    return Handed(**{**WELL, **fields})


@pytest.mark.parametrize("life", [timedelta(minutes=10), timedelta(days=365)])
def test_lives_that_can_be(life: timedelta) -> None:
    _handed(life=life).require_possible()


@pytest.mark.parametrize("life", [timedelta(), timedelta(seconds=599), timedelta(days=365, seconds=1)])
def test_lives_that_cannot_be(life: timedelta) -> None:
    with pytest.raises(UsageError, match="10 minutes to 365 days"):
        _handed(life=life).require_possible()


@pytest.mark.parametrize("post", ["", "  ", "科" * 81, "科长\n主任", "科长\x1b[2J"])
def test_posts_that_cannot_be(post: str) -> None:
    with pytest.raises(UsageError, match="no post"):
        _handed(post=post).require_possible()


def test_simulated_endpoints_have_none(town: City) -> None:
    with town.spine() as spine, pytest.raises(UsageError, match="no namespace on a real cluster"):
        credentials.issue(spine.estate, spine.endpoints, spine.store, "jtj", _handed())
    with town.spine() as spine:
        assert spine.store.credentials.of("jtj") == ()


def test_one_that_cannot_be_taken_back_stays_on_record_as_holding(declared: City, tmp_path: Path) -> None:
    """Nobody answers: whether a token was issued before is not known."""
    kubeconfig = _nowhere(tmp_path)
    estate = declared.estate()
    with (
        Store.open(declared.state) as store,
        connect(estate, declared.state, {"k8s": f"file:{kubeconfig}"}) as endpoints,
    ):
        with pytest.raises(UnreachableError):
            credentials.issue(estate, endpoints, store, "jtj", _handed())
        (record,) = store.credentials.holding()
        assert (record.tenant, record.post, record.leaves) == ("jtj", "信息科科长", (("k8s", "jtj-egov"),))
        with pytest.raises(UnreachableError):
            credentials.revoke(endpoints, store, record.id)
        assert store.credentials.holding() == (record,)


def _nowhere(folder: Path) -> Path:
    path = folder / "nowhere.kubeconfig"
    path.write_text(
        "apiVersion: v1\nkind: Config\ncurrent-context: c\n"
        'clusters: [{name: c, cluster: {server: "https://127.0.0.1:9"}}]\n'
        "users: [{name: c, user: {token: none}}]\ncontexts: [{name: c, context: {cluster: c, user: c}}]\n",
        "utf-8",
    )
    return path


def test_an_unknown_one_is_refused(town: City) -> None:
    with town.spine() as spine, pytest.raises(UsageError, match="no credential 4711") as caught:
        credentials.revoke(spine.endpoints, spine.store, "4711")
    assert "list" in str(caught.value.remedy)


def test_one_of_a_cluster_that_is_not_connected_still_holds(town: City, clock: Clock) -> None:
    record = Credential(
        "ab12", "jtj", "viewer", "厂商", (("k8s", "jtj-egov"),), clock(), clock() + timedelta(days=1)
    )
    with town.spine() as spine:
        spine.store.credentials.record(record)
        with pytest.raises(UsageError, match="k8s is not connected; ab12 still holds"):
            credentials.revoke(spine.endpoints, spine.store, "ab12")
        assert spine.store.credentials.holding() == (record,)


def test_the_secret_shows_in_no_representation(clock: Clock) -> None:
    assert "token" not in repr(Issued("ab12", clock(), "token: abc"))
