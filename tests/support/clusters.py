"""Which real cluster the tests run on: their own, or one that a contributor points at.

Used by tests/conftest.py and by tests that take the fixture `cluster`. Calls `devcluster`. On a
contributor's cluster the tests own nothing but namespaces with the run's prefix, and these are removed at
the end.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from devcluster import Api

if TYPE_CHECKING:
    from collections.abc import Mapping

VARIABLE = "YUNJIN_TEST_KUBECONFIG"
PREFIX = "yj-test-"


class Cluster(Protocol):
    """A real cluster, as an administrator sees it."""

    @property
    def kubeconfig(self) -> Path:
        """The administrator's."""
        ...

    @property
    def context(self) -> str | None:
        """The context to use; None is the kubeconfig's own current one."""
        ...

    def api(self) -> Api:
        """A client of our own, independent of the one under test."""
        ...


class OutsideCluster:
    """The cluster that `YUNJIN_TEST_KUBECONFIG` names, `PATH` or `PATH#CONTEXT`."""

    def __init__(self, reference: str) -> None:
        path, _, context = reference.partition("#")
        self.kubeconfig = Path(path).expanduser().absolute()
        self.context = context or None

    def api(self) -> Api:
        """Raises ValueError where the kubeconfig holds neither certificate nor token."""
        return Api.from_kubeconfig(self.kubeconfig, self.context)

    def sweep(self, prefix: str) -> None:
        """Delete the namespaces of one run."""
        api = self.api()
        for item in api.get("/api/v1/namespaces")["items"]:
            if item["metadata"]["name"].startswith(prefix):
                api.call("DELETE", f"/api/v1/namespaces/{item['metadata']['name']}")


def outside(environ: Mapping[str, str] = os.environ) -> OutsideCluster | None:
    """The contributor's cluster, None where the tests bring their own.

    Raises:
        ValueError: in CI, where only the tests' own cluster proves anything.
    """
    reference = environ.get(VARIABLE)
    if not reference:
        return None
    if environ.get("CI") == "true":
        raise ValueError(f"{VARIABLE} is set, but in CI the tests bring their own cluster: unset it")
    return OutsideCluster(reference)
