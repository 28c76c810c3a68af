"""What a cluster holds of the managed kinds, leaf by leaf.

Called by `backend`. Calls `client`. Reads only. Promises one LIST a kind, in pages, kinds at the same time;
only namespaces of this endpoint or of the given names, with everything of the managed kinds inside them,
foreign objects included; whole answers or an error, never a part that looks like a whole.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from yunjin.model.resources import Key, LeafState, Live
from yunjin.substrates import refusals
from yunjin.substrates.kubernetes import errors, names
from yunjin.substrates.kubernetes.kinds import KINDS, LEAF_KINDS, NAMESPACE, SHARED_KINDS, path_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from yunjin.model.resources import Body
    from yunjin.substrates.kubernetes.client import Client
    from yunjin.substrates.kubernetes.kinds import Kind

_PAGE: Final = 500
_RESTARTS: Final = 3
_FEW: Final = 8
"""So many objects of one kind are read one by one; of more, the kind is listed."""
_AT_ONCE: Final = 8

Objects = dict[tuple[str, str], Live]


def observe(client: Client, watch_names: frozenset[str]) -> Iterator[LeafState]:
    """The endpoint's own objects first (name empty), then each leaf in ascending order of name.

    Everything is read before the first state comes, and given up state by state as they are taken.
    """
    kinds = (*LEAF_KINDS, *SHARED_KINDS)
    with ThreadPoolExecutor(len(kinds), f"yunjin-observe-{client.endpoint}") as pool:
        bodies = dict(zip(kinds, pool.map(lambda kind: list_all(client, kind), kinds), strict=True))
    shared: Objects = {}
    leaves: dict[str, Objects] = {}
    for body in bodies.pop(NAMESPACE):
        live = as_live(client.endpoint, NAMESPACE, body)
        if (NAMESPACE.name, live.key.name) in names.SHARED_KEYS:
            shared[NAMESPACE.name, live.key.name] = live
        elif belongs(body, client.endpoint) or live.key.name in watch_names:
            leaves[live.key.name] = {(NAMESPACE.name, live.key.name): live}
    for kind in LEAF_KINDS[1:]:
        for body in bodies.pop(kind):
            objects = leaves.get(body["metadata"]["namespace"])
            if objects is not None:
                live = as_live(client.endpoint, kind, body)
                objects[kind.name, live.key.name] = live
    for kind, found in bodies.items():
        for body in found:
            live = as_live(client.endpoint, kind, body)
            if (kind.name, live.key.name) in names.SHARED_KEYS:
                shared[kind.name, live.key.name] = live
    return _states(shared, leaves)


def read(client: Client, keys: Sequence[Key]) -> Mapping[Key, Live]:
    """The named objects; absent ones are missing."""
    by_kind: dict[str, list[Key]] = {}
    for key in keys:
        by_kind.setdefault(key.kind, []).append(key)
    found: dict[Key, Live] = {}
    with ThreadPoolExecutor(_AT_ONCE, f"yunjin-read-{client.endpoint}") as pool:
        single = [key for group in by_kind.values() if len(group) <= _FEW for key in group]
        singles = pool.map(lambda key: read_one(client, key), single)
        listed = {kind: set(group) for kind, group in by_kind.items() if len(group) > _FEW}
        lists = pool.map(lambda kind: _list_named(client, KINDS[kind], listed[kind]), listed)
        found.update((live.key, live) for live in singles if live is not None)
        for group in lists:
            found.update(group)
    return found


def read_one(client: Client, key: Key) -> Live | None:
    """One object as it is now; None where there is none."""
    answer = client.send("GET", path_of(key))
    if answer.code == HTTPStatus.NOT_FOUND:
        return None
    if not answer.ok:
        raise errors.refused(client.endpoint, key, answer)
    if answer.body.get("kind") != key.kind:
        raise errors.not_an_api(client.endpoint, client.address)
    return as_live(key.endpoint, KINDS[key.kind], answer.body)


def as_live(endpoint: str, kind: Kind, body: Body) -> Live:
    """An object of an answer, with the key that names it."""
    metadata = body["metadata"]
    key = Key(endpoint, metadata.get("namespace", ""), kind.name, metadata["name"])
    return Live(key, body, metadata["resourceVersion"])


def belongs(namespace: Body, endpoint: str) -> bool:
    """Whether a namespace's label gives it to the endpoint. Several endpoints may share one cluster."""
    return (namespace["metadata"].get("labels") or {}).get(names.ENDPOINT) == endpoint


def list_all(client: Client, kind: Kind, namespace: str = "") -> list[Body]:
    """Every object of a kind, page by page; from the beginning again where the pages grew too old."""
    for _ in range(_RESTARTS):
        found = _list_once(client, kind, namespace)
        if found is not None:
            return found
    raise refusals.contended(client.endpoint, kind.plural)


def _list_once(client: Client, kind: Kind, namespace: str) -> list[Body] | None:
    found: list[Body] = []
    token = ""
    while True:
        query = urlencode({"limit": _PAGE, "continue": token} if token else {"limit": _PAGE})
        answer = client.send("GET", f"{kind.collection(namespace)}?{query}")
        if answer.code == HTTPStatus.GONE:
            return None
        if answer.code == HTTPStatus.NOT_FOUND and kind.optional:
            return []
        if not answer.ok:
            raise errors.refused(client.endpoint, kind.plural, answer)
        if answer.body.get("kind") != f"{kind.name}List":  # taken for a list, it would be an empty one
            raise errors.not_an_api(client.endpoint, client.address)
        # Listed objects come without what every single one says of itself.
        own = {"apiVersion": answer.body.get("apiVersion"), "kind": kind.name}
        found += [{**own, **item} for item in answer.body.get("items") or ()]
        token = (answer.body.get("metadata") or {}).get("continue") or ""
        if not token:
            return found


def _list_named(client: Client, kind: Kind, keys: set[Key]) -> dict[Key, Live]:
    spaces = {key.namespace for key in keys}
    endpoint = next(iter(keys)).endpoint
    bodies = list_all(client, kind, spaces.pop() if len(spaces) == 1 else "")
    return {live.key: live for body in bodies if (live := as_live(endpoint, kind, body)).key in keys}


def _states(shared: Objects, leaves: dict[str, Objects]) -> Iterator[LeafState]:
    yield LeafState("", shared)
    for name in sorted(leaves):
        yield LeafState(name, leaves.pop(name))
