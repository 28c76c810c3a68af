"""Where an object lies: which kinds lie in namespaces, and under which leaf each is observed.

Read by `server`, `seeding` and `backend`. Calls the names of `yunjin.substrates.kubernetes`.
"""

from __future__ import annotations

from typing import Final

from yunjin.model.resources import Key
from yunjin.substrates.kubernetes.names import SHARED_KEYS

CLUSTER_KINDS: Final = frozenset(
    {"Namespace", "ClusterRole", "MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding"}
)


def leaf_of(key: Key) -> str:
    """Under which leaf an object is observed; empty for the whole endpoint."""
    if (key.kind, key.name) in SHARED_KEYS:
        return ""
    return key.name if key.kind == "Namespace" else key.namespace


def key_of(endpoint: str, leaf: str, kind: str, name: str) -> Key:
    """The key of an object that lies under `leaf`."""
    return Key(endpoint, "" if kind in CLUSTER_KINDS else leaf, kind, name)
