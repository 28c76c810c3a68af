"""Connecting to the endpoints an estate declares.

Called by `yunjin.engine.spine` and by the command line; calls the substrates. Promises that an endpoint whose
substrate is not built yet (`state: planned`) is never touched, and that credentials are taken by reference.
"""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from yunjin.errors import Text, UsageError
from yunjin.model.change import Binding
from yunjin.substrates.kubernetes.translate import KubernetesTranslator

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import TracebackType

    from yunjin.model.centre import Endpoint
    from yunjin.model.estate import Estate
    from yunjin.substrates.contract import Backend, Translator

SIMULATED: Final = "simulated"
BUILT: Final = "kubernetes"
"""The technology there is a substrate for."""


@dataclass(frozen=True)
class Endpoints:
    """Connections of one call, by endpoint id."""

    backends: Mapping[str, Backend]
    bindings: Mapping[str, Binding]

    @property
    def translators(self) -> Mapping[str, Translator]:
        """One translator an endpoint; the simulated substrate stands in for Kubernetes."""
        translator = KubernetesTranslator()
        return dict.fromkeys(self.bindings, translator)

    def backend(self, endpoint: str) -> Backend:
        """The connection of one endpoint. Raises UsageError where it is only planned."""
        if endpoint in self.backends:
            return self.backends[endpoint]
        raise UsageError(
            Text(f"接入点 {endpoint} 尚在规划, 不可连接", f"{endpoint} is only planned"),
            Text("在 endpoints.yaml 中改为 state: live", "set `state: live` in endpoints.yaml"),
        )

    @property
    def simulated(self) -> bool:
        """Whether nothing real is behind any of them."""
        return all(binding.access == SIMULATED for binding in self.bindings.values())

    def __enter__(self) -> Self:
        """Open already."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close every connection."""
        for backend in self.backends.values():
            backend.close()


def live(estate: Estate) -> Iterator[Endpoint]:
    """Endpoints that may be observed."""
    return (endpoint for endpoint in estate.endpoints.values() if endpoint.state == "live")


def accesses(estate: Estate, kubeconfig: Path | None) -> dict[str, str]:
    """How each live endpoint is reached: as declared, or all Kubernetes ones through one kubeconfig.

    Raises:
        UsageError: the kubeconfig does not exist.
    """
    if kubeconfig is not None and not kubeconfig.is_file():
        raise UsageError(
            Text(f"找不到 kubeconfig 文件 {kubeconfig}", f"there is no kubeconfig file {kubeconfig}"),
            Text("检查 --kubeconfig 的路径", "check the path after --kubeconfig"),
        )
    return {
        endpoint.id: (
            f"file:{kubeconfig.resolve()}" if kubeconfig and endpoint.technology == BUILT else endpoint.access
        )
        for endpoint in live(estate)
    }


def connect(
    estate: Estate, state: Path, access: Mapping[str, str], also: Mapping[str, frozenset[str]] | None = None
) -> Endpoints:
    """A connection to each endpoint. Nothing is sent yet: who does not answer is found out by observing.

    Args:
        estate: which endpoints there are, and the names of their leaves.
        state: folder of the simulated endpoints.
        access: by endpoint, see `accesses`; one that is missing here is not connected.
        also: by endpoint, namespaces to look at although nobody declares them.

    Raises:
        UsageError: credentials that are not there, or a technology that cannot be driven yet.
        PermanentError: a simulated endpoint's file is damaged.
    """
    names = _leaf_names(estate)
    bindings = {
        each.id: Binding(technology=each.technology, access=access[each.id], observed_at=None)
        for each in live(estate)
        if each.id in access
    }
    backends: dict[str, Backend] = {}
    with ExitStack() as undo:
        for name, binding in bindings.items():
            watched = names.get(name, frozenset()) | (also or {}).get(name, frozenset())
            _require_built(name, binding.technology)
            backends[name] = _backend(name, binding.access, state, watched)
            undo.callback(backends[name].close)
        undo.pop_all()
    return Endpoints(backends, bindings)


def _leaf_names(estate: Estate) -> dict[str, frozenset[str]]:
    names: dict[str, set[str]] = {}
    for row in estate.leaf_rows:
        names.setdefault(estate.pools[row.pool].endpoint, set()).add(row.node.rpartition("/")[2])
    return {endpoint: frozenset(found) for endpoint, found in names.items()}


def _require_built(endpoint: str, technology: str) -> None:
    if technology != BUILT:
        raise UsageError(
            Text(
                f"接入点 {endpoint} 的技术 {technology} 尚不支持",
                f"{endpoint}: {technology} is not supported yet",
            ),
            Text("在 endpoints.yaml 中改为 state: planned", "set `state: planned` in endpoints.yaml"),
        )


def _backend(endpoint: str, access: str, state: Path, names: frozenset[str]) -> Backend:
    if access == SIMULATED:
        from yunjin.substrates.simulated.backend import SimulatedBackend

        return SimulatedBackend.open(endpoint, state / "simulated" / f"{endpoint}.db", watch_names=names)
    from yunjin.substrates.kubernetes.backend import KubernetesBackend

    path, context = resolve(access)
    return KubernetesBackend.connect(endpoint, path, context, watch_names=names)


def resolve(access: str) -> tuple[Path, str | None]:
    """Path of a kubeconfig and the context in it, from `env:NAME#CONTEXT` or `file:PATH#CONTEXT`.

    Raises:
        UsageError: the environment variable is not set or the file does not exist.
    """
    reference, _, context = access.partition("#")
    kind, _, rest = reference.partition(":")
    written = os.environ.get(rest, "") if kind == "env" else rest
    if not written:
        raise UsageError(
            Text(f"环境变量 {rest} 未设置, 无法取得接入点凭据", f"environment variable {rest} is not set"),
            Text(
                f"设置 {rest} 为 kubeconfig 路径, 或使用 --kubeconfig",
                f"set {rest} to a kubeconfig, or use --kubeconfig",
            ),
        )
    path = Path(written)
    if not path.is_file():
        raise UsageError(
            Text(f"找不到接入点凭据文件 {path}", f"there is no credentials file {path}"),
            Text("检查 endpoints.yaml 的 access", "check `access` in endpoints.yaml"),
        )
    return path, context or None
