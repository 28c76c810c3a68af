"""Credentials: what can be handed out, and what is on record. The rest is tested on the real server."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from scripted_server import Scripted, ScriptedServer
from yunjin.engine.credentials import Desk, Handed, end_due
from yunjin.engine.endpoints import connect
from yunjin.errors import UnreachableError, UsageError
from yunjin.store import Credential, Store
from yunjin.substrates.kubernetes.backend import KubernetesBackend

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path

    from clocks import Clock
    from spines import City
    from yunjin.engine.spine import Spine

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


def _desk(spine: Spine) -> Desk:
    return Desk(spine.estate, spine.endpoints, spine.store)


def _nobody(files: Mapping[str, str]) -> None:
    raise AssertionError(f"nothing was issued, and yet there are {sorted(files)}")


def test_simulated_endpoints_have_none(town: City) -> None:
    with town.spine() as spine, pytest.raises(UsageError, match="let nobody in: k8s") as raised:
        _desk(spine).issue("jtj", _handed(), _nobody)
    assert "接入点 k8s 是模拟底座" in raised.value.message.zh
    assert "--kubeconfig" in (raised.value.remedy.zh if raised.value.remedy else "")
    with town.spine() as spine:
        assert spine.store.credentials.of("jtj") == ()


def test_a_tenant_without_leaves_has_none(town: City) -> None:
    with town.spine() as spine, pytest.raises(UsageError, match="nobody has no namespace or project"):
        _desk(spine).issue("nobody", _handed(), _nobody)


def test_one_that_cannot_be_taken_back_stays_on_record_as_holding(declared: City, tmp_path: Path) -> None:
    """Nobody answers: whether a token was issued before is not known."""
    kubeconfig = _nowhere(tmp_path)
    estate = declared.estate()
    with (
        Store.open(declared.state) as store,
        connect(estate, declared.state, {"k8s": f"file:{kubeconfig}"}) as endpoints,
    ):
        desk = Desk(estate, endpoints, store)
        assert desk.technologies("jtj") == ("kubernetes",)
        with pytest.raises(UnreachableError):
            desk.issue("jtj", _handed(), _nobody)
        (record,) = store.credentials.holding()
        assert (record.tenant, record.post, record.leaves) == ("jtj", "信息科科长", (("k8s", "jtj-egov"),))
        with pytest.raises(UnreachableError):
            desk.revoke(record.id)
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
        _desk(spine).revoke("4711")
    assert "list" in str(caught.value.remedy)


def test_one_of_a_cluster_that_is_not_connected_still_holds(town: City, clock: Clock) -> None:
    record = _record(clock())
    with town.spine() as spine:
        spine.store.credentials.record(record)
        with pytest.raises(UsageError, match="k8s is not connected; ab12 still holds"):
            _desk(spine).revoke("ab12")
        assert spine.store.credentials.holding() == (record,)


def test_a_credential_that_was_revoked_is_not_renewed(town: City, clock: Clock) -> None:
    with town.spine() as spine:
        spine.store.credentials.record(_record(clock()))
        spine.store.credentials.revoke("ab12")
        with pytest.raises(UsageError, match="ab12 was revoked"):
            _desk(spine).renew("ab12", _nobody)


def test_one_that_may_go_on_for_a_while_ends_with_that_and_not_before(town: City) -> None:
    with town.spine() as spine:
        credentials, now = spine.store.credentials, spine.store.now()
        credentials.record(_record(now))
        assert _desk(spine).retire("ab12", timedelta(hours=1)) is None
        (holding,) = credentials.holding()
        assert timedelta(hours=1) <= holding.expires - now < timedelta(hours=2)
        assert _desk(spine).retire("ab12", timedelta(hours=12)) is None
        assert credentials.holding() == (holding,)
        assert end_due(_desk(spine)) == ()


def test_what_cannot_be_cleared_away_is_told_and_stays_due(town: City) -> None:
    with town.spine() as spine:
        over = _record(spine.store.now() - timedelta(days=2))
        spine.store.credentials.record(over)
        ((record, error),) = end_due(_desk(spine))
        assert record == over
        assert error is not None
        assert error.message.en == "k8s is not connected; ab12 still holds"
        assert spine.store.credentials.due() == (over,)


def test_an_endpoint_that_does_not_answer_is_asked_once_and_the_others_for_each(
    town: City, tmp_path: Path
) -> None:
    """A request that nobody answers may take half a minute, and a sweep has other things to do."""
    broken, sound = Scripted(length=50), Scripted()
    with town.spine() as spine, ScriptedServer(broken) as silent, ScriptedServer(sound) as well:
        places = (("silent", "jtj-inet"), ("well", "jtj-egov"))
        over = _record(spine.store.now() - timedelta(days=2))
        for number in ("ab12", "cd34", "ef56"):
            spine.store.credentials.record(replace(over, id=number, leaves=places))
        backends = {
            name: KubernetesBackend.connect(name, server.kubeconfig(tmp_path / name), None)
            for name, server in (("silent", silent), ("well", well))
        }
        spine.endpoints = replace(spine.endpoints, backends=backends)

        ended = end_due(_desk(spine))

        assert [type(error) for _, error in ended] == [UnreachableError] * 3
        assert (len(silent.asked), len(well.asked)) == (1, 3)
        assert len(spine.store.credentials.due()) == 3
        for backend in backends.values():
            backend.close()


def test_a_new_one_is_handed_out_as_the_old_one_was(clock: Clock) -> None:
    assert Handed.again(_record(clock())) == Handed("viewer", "厂商", timedelta(days=1))


def _record(issued: datetime) -> Credential:
    places = (("k8s", "jtj-egov"),)
    return Credential("ab12", "jtj", "viewer", "厂商", places, issued, issued + timedelta(days=1))
