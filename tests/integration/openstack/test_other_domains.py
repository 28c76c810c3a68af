"""Projects that were made in another domain than Yunjin's: looked at where they are named, never removed."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from leaves import cloud_leaf, objects, write
from yunjin.errors import RefusalError
from yunjin.model.change import ABSENT, Action, Change
from yunjin.model.resources import Key, ObjectClass, Wanted
from yunjin.substrates.openstack.backend import OpenStackBackend
from yunjin.substrates.openstack.names import home
from yunjin.substrates.openstack.translate import OpenStackTranslator

if TYPE_CHECKING:
    from collections.abc import Callable

    from devcloud import CloudApi, DevCloud

TRANSLATOR = OpenStackTranslator()


@pytest.fixture
def name(unique: Callable[[str], str]) -> str:
    return unique("elsewhere")


def _project(api: CloudApi, name: str, domain: str = "default") -> str:
    wanted = {"name": name, "domain_id": domain}
    return str(api.must("POST", "identity", "/projects", {"project": wanted})["project"]["id"])


def _watching(direct: OpenStackBackend, cloud: DevCloud, *names: str) -> closing[OpenStackBackend]:
    watched = frozenset(names)
    opened = OpenStackBackend.connect(direct.endpoint, cloud.clouds_yaml, cloud.name, watch_names=watched)
    return closing(opened)


def test_only_where_it_is_named_it_is_looked_at(direct: OpenStackBackend, cloud: DevCloud, name: str) -> None:
    made = _project(cloud.api(), name)
    key = home(direct.endpoint, name)
    assert name not in [state.name for state in direct.observe()]
    assert direct.read([key]) == {}
    with _watching(direct, cloud, name) as backend:
        (state,) = [state for state in backend.observe() if state.name]
        assert (state.name, state.objects["Project", name].body["metadata"]["id"]) == (name, made)
        quota = Key(direct.endpoint, name, "Quota", "yunjin")
        found = backend.read([key, quota])
        assert set(found) == {key, quota}
        assert found[key] == state.objects["Project", name]


def test_the_centres_own_of_a_name_comes_first(direct: OpenStackBackend, cloud: DevCloud, name: str) -> None:
    _project(cloud.api(), name)
    own = objects(cloud_leaf(name, direct.endpoint), TRANSLATOR).namespace
    with _watching(direct, cloud, name) as backend:
        write(direct, own)
        (state,) = [state for state in backend.observe() if state.name]
        assert TRANSLATOR.claim(state.objects["Project", name]).tenant == "jtj"
        assert TRANSLATOR.claim(backend.read([own.key])[own.key]).tenant == "jtj"


def test_of_several_of_a_name_none_is_taken(direct: OpenStackBackend, cloud: DevCloud, name: str) -> None:
    api = cloud.api()
    domain = api.must("POST", "identity", "/domains", {"domain": {"name": name}})["domain"]["id"]
    for each in ("default", domain):
        _project(api, name, each)
    with _watching(direct, cloud, name) as backend:
        assert [state.name for state in backend.observe()] == [""]
        assert backend.read([home(direct.endpoint, name)]) == {}


def test_it_is_never_removed(direct: OpenStackBackend, cloud: DevCloud, name: str) -> None:
    made = _project(cloud.api(), name)
    with _watching(direct, cloud, name) as backend:
        key = home(direct.endpoint, name)
        live = backend.read([key])[key]
        before = TRANSLATOR.fingerprint(Wanted(key, {}, ObjectClass.NAMESPACE, 0), live)
        removal = Change(
            Action.DELETE, key, "jtj", ObjectClass.NAMESPACE, 0, before=before, after=ABSENT,
            differences=(), body=None,
        )  # fmt: skip
        with pytest.raises(RefusalError):
            backend.write(removal, live)
    assert cloud.api().get("identity", f"/projects/{made}")["project"]["enabled"]
