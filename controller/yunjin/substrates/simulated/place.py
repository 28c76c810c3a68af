"""Where an object lies: which kinds lie in a leaf, and under which leaf each is observed.

Read by the simulated cluster and the simulated cloud. Calls the names of both substrates.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from yunjin.model.resources import Key
from yunjin.substrates.kubernetes.names import SHARED_KEYS

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Layout:
    """How the objects of one technology lie.

    Attributes:
        home: kind of the leaf itself.
        outside: kinds that lie in no leaf, `home` among them.
        shared: whether an object belongs to the whole endpoint, by kind and name.
    """

    home: str
    outside: frozenset[str]
    shared: Callable[[tuple[str, str]], bool]

    def leaf_of(self, key: Key) -> str:
        """Under which leaf an object is observed; empty for the whole endpoint."""
        if self.shared((key.kind, key.name)):
            return ""
        return key.name if key.kind == self.home else key.namespace

    def key_of(self, endpoint: str, leaf: str, kind: str, name: str) -> Key:
        """The key of an object that lies under `leaf`."""
        return Key(endpoint, "" if kind in self.outside else leaf, kind, name)


CLUSTER: Final = Layout(
    "Namespace",
    frozenset({"Namespace", "ClusterRole", "MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding"}),
    SHARED_KEYS.__contains__,
)
CLOUD: Final = Layout(
    "Project", frozenset({"Domain", "Project", "SubnetPool"}), lambda one: one[0] in ("Domain", "SubnetPool")
)
