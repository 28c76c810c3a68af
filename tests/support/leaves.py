"""Leaves for tests of substrates, and the changes that bring a leaf's objects to a backend.

Used by the contract suite and by tests on the real servers. Calls the translators of both technologies; which
of them a body is of, its kind tells.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from yunjin.errors import Place
from yunjin.model.amounts import Amounts
from yunjin.model.change import ABSENT, Action, Change
from yunjin.model.resources import Key, Live, ObjectClass, Wanted
from yunjin.model.tenancy import Leaf
from yunjin.substrates.kubernetes.translate import KubernetesTranslator
from yunjin.substrates.openstack import names
from yunjin.substrates.openstack.translate import OpenStackTranslator

if TYPE_CHECKING:
    from collections.abc import Mapping

    from yunjin.substrates.contract import Backend, Translator

TRANSLATOR = KubernetesTranslator()
CLOUD_TRANSLATOR = OpenStackTranslator()
SMALL = Amounts.parse({"cpu": 4, "memory": "8Gi", "storage": "100Gi", "pods": 40})
LARGE = Amounts.parse({"cpu": 8, "memory": "16Gi", "storage": "200Gi", "pods": 80})
CLOUD_SMALL = Amounts.parse({"cpu": 4, "memory": "8Gi", "storage": "100Gi", "volumes": 10, "ports": 10})
CLOUD_LARGE = Amounts.parse({"cpu": 8, "memory": "16Gi", "storage": "200Gi", "volumes": 20, "ports": 20})
CLOUD_CIDRS = {"egov": ("10.10.0.0/16",)}  # as `estates` has it: a cloud has one pool of subnets a zone

_CLOUD_KINDS = {entry.kind for entry in names.STANDARD} | {"Domain", "SubnetPool"}


def leaf(name: str, endpoint: str, **more: Any) -> Leaf:
    """A leaf of tenant jtj in pool k8s-egov, small unless `more` says otherwise."""
    fields: dict[str, Any] = {
        "pool": "k8s-egov",
        "zone": "egov",
        "tenant": "jtj",
        "bureau": "jtj",
        "allotted": SMALL,
        "limit_percent": {"cpu": 200},
        "node_selector": {},
        "cidrs": {},
        "flows": (),
        "place": Place(Path("tenants/baseline.yaml"), 1, 1),
    }
    return Leaf(name=name, endpoint=endpoint, **(fields | more))


def cloud_leaf(name: str, endpoint: str, **more: Any) -> Leaf:
    """The like on a cloud: a leaf of tenant jtj in pool os-egov."""
    fields = {"pool": "os-egov", "allotted": CLOUD_SMALL, "limit_percent": {}, "cidrs": CLOUD_CIDRS}
    return leaf(name, endpoint, **(fields | more))


def translator_of(key: Key) -> Translator:
    """Of the technology whose kind of object it is."""
    return CLOUD_TRANSLATOR if key.kind in _CLOUD_KINDS else TRANSLATOR


@dataclass(frozen=True)
class Objects:
    """The standard objects of one leaf, by role of use in tests; `deny` is the first of its network."""

    namespace: Wanted
    quota: Wanted
    limits: Wanted
    deny: Wanted
    admin: Wanted
    all: tuple[Wanted, ...]

    @property
    def keys(self) -> tuple[Key, ...]:
        """Of all of them."""
        return tuple(wanted.key for wanted in self.all)


def objects(of: Leaf, translator: Translator = TRANSLATOR) -> Objects:
    """What the translator wants for a leaf."""
    every = translator.wanted(of)

    def first(of_class: ObjectClass) -> Wanted:
        return next(wanted for wanted in every if wanted.object_class is of_class)

    return Objects(
        first(ObjectClass.NAMESPACE), first(ObjectClass.QUOTA), first(ObjectClass.LIMITS),
        first(ObjectClass.NETWORK), first(ObjectClass.ROLES), every,
    )  # fmt: skip


def change(wanted: Wanted, live: Live | None, *, force: bool = False) -> Change:
    """The change that takes an object from what was read to what is wanted."""
    translator = translator_of(wanted.key)
    return Change(
        action=Action.CREATE if live is None else Action.UPDATE,
        key=wanted.key,
        tenant="jtj",
        object_class=wanted.object_class,
        rank=wanted.rank,
        before=translator.fingerprint(wanted, live),
        after=translator.target(wanted),
        differences=() if live is None else translator.differences(wanted, live),
        body=wanted.body,
        force=force,
        confirm=wanted.object_class is ObjectClass.QUOTA,
        loose=wanted.loose,
    )


def removal(wanted: Wanted) -> Change:
    """The change that takes an object away."""
    return Change(
        action=Action.DELETE,
        key=wanted.key,
        tenant="jtj",
        object_class=wanted.object_class,
        rank=wanted.rank,
        before=translator_of(wanted.key).target(wanted),
        after=ABSENT,
        differences=(),
        body=None,
        confirm=True,
    )


def read(backend: Backend, key: Key) -> Live | None:
    """One object as it is now."""
    return backend.read([key]).get(key)


def write(backend: Backend, *wanted: Wanted, force: bool = False) -> None:
    """Read and write each, in order, as an apply does."""
    for one in wanted:
        live = read(backend, one.key)
        backend.write(change(one, live, force=force), live)


def with_body(wanted: Wanted, **more: Any) -> Wanted:
    """The same object with other parts in its body."""
    return replace(wanted, body={**wanted.body, **more})


def state(backend: Backend) -> Mapping[str, Mapping[tuple[str, str], Live]]:
    """Everything observed, by leaf."""
    return {leaf.name: leaf.objects for leaf in backend.observe()}
