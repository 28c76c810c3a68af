"""What every test can ask for: the real cluster, names of its own; and which tests are left out, and said
to be.

A test that takes `cluster` is of the kubernetes lane without saying so, one that takes `cloud` of the
openstack lane, one that takes `postgres` or starts processes and object stores of its own (the folders in
`SERVED`) of the ledger lane; one that takes `owned_cluster` or `second_cluster` needs a server of the tests'
own. A server that cannot be had is an error of every test that asks for it, never a skip.
"""

from __future__ import annotations

import gc
import itertools
import os
import secrets
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from clusters import PREFIX, VARIABLE, Cluster, OutsideCluster, outside
from devcloud import DevCloud, ensure_built
from devcluster import DevCluster, programs
from devcluster.builds import BuildError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from pathlib import Path

    from buckets import S3Server
    from postgres import Server

OWN = frozenset({"owned_cluster", "second_cluster", "empty_cluster"})
REAL = OWN | {"cluster"}
SERVED = tuple(f"tests/contract/{folder}/" for folder in ("audit", "objects", "store"))

_outside = pytest.StashKey[OutsideCluster | None]()
_not_run = pytest.StashKey[list[str]]()
_servers = pytest.StashKey[dict[str, str]]()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection() -> Generator[None, bool | None, bool | None]:
    """What is imported and collected stays: to look there for garbage is a third of the work."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_configure(config: pytest.Config) -> None:
    """Refuse a contributor's cluster in CI; let examples take their time."""
    try:
        config.stash[_outside] = outside()
    except ValueError as error:
        raise pytest.UsageError(str(error)) from error
    config.stash[_not_run] = []
    config.stash[_servers] = {}
    settings.register_profile("any machine", deadline=None)  # how long an example takes says nothing here
    settings.load_profile("any machine")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> Generator[None]:
    """Mark by fixture before -m chooses; afterwards leave out what this run must not or need not do."""
    for item in items:
        fixtures = set(getattr(item, "fixturenames", ()))
        if fixtures & REAL:
            item.add_marker("kubernetes")
        if fixtures & OWN:
            item.add_marker("owns_server")
        if "cloud" in fixtures:
            item.add_marker("openstack")
        if "postgres" in fixtures:
            item.add_marker("postgres")
        if item.nodeid.startswith(SERVED):
            item.add_marker("served")
    yield
    proving = "prove" in config.option.markexpr or os.environ.get("YUNJIN_PROVE") == "1"
    kept, left = [], []
    for item in items:
        if item.get_closest_marker("prove") and not proving:
            left.append(item)
        elif item.get_closest_marker("owns_server") and config.stash[_outside]:
            left.append(item)
            config.stash[_not_run].append(item.nodeid)
        else:
            kept.append(item)
    if left:
        config.hook.pytest_deselected(items=left)
        items[:] = kept


def pytest_collection_finish(session: pytest.Session) -> None:
    """Build the servers now if this machine has none: it takes longer than any test may."""
    config = session.config
    if config.option.collectonly:
        return
    if any(item.get_closest_marker("kubernetes") for item in session.items):
        if config.stash[_outside]:
            config.stash[_servers]["kubernetes"] = f"the cluster of {VARIABLE}"
        else:
            config.stash[_servers]["kubernetes"] = _built(lambda: programs()["kube-apiserver"].parent)
    if any(item.get_closest_marker("openstack") for item in session.items):
        config.stash[_servers]["openstack"] = _built(lambda: ensure_built().seed)


def _built(build: Callable[[], Path]) -> str:
    """Where the servers are; where they could not be had, each test that needs them fails with that error."""
    try:
        return f"servers of our own, {build()}"
    except BuildError as error:
        return f"none: {error}"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say what the lanes with servers ran on, and what they did not run."""
    for lane, server in config.stash[_servers].items():
        terminalreporter.section(lane)
        terminalreporter.line(server)
    for name in config.stash[_not_run]:
        terminalreporter.line(f"NOT RUN (needs a server of the tests' own) {name}")


@pytest.fixture(scope="session")
def run_id() -> str:
    """Six digits that tell this run's objects from those of any other."""
    return secrets.token_hex(3)


@pytest.fixture(scope="session")
def unique(run_id: str) -> Callable[[str], str]:
    """Names that nobody else uses, `yj-test-RUN-N-SUFFIX`: leaves, tenants, files."""
    count = itertools.count(1)
    return lambda suffix: f"{PREFIX}{run_id}-{next(count)}-{suffix}"


@pytest.fixture(scope="session")
def cluster(
    pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory, run_id: str
) -> Iterator[Cluster]:
    """The real cluster. Write to namespaces with names from `unique` alone."""
    given = pytestconfig.stash[_outside]
    if given:
        yield given
        given.sweep(f"{PREFIX}{run_id}-")
        return
    with DevCluster.start(tmp_path_factory.mktemp("cluster")) as started:
        yield started


@pytest.fixture(scope="session")
def owned_cluster(cluster: Cluster) -> DevCluster:
    """The same server, for tests that freeze it, issue certificates or write objects of the whole cluster."""
    assert isinstance(cluster, DevCluster), "tests that need this are left out on a contributor's cluster"
    return cluster


@pytest.fixture(scope="session")
def second_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevCluster]:
    """Another endpoint, which may be killed and restarted; pods are not placed there."""
    with DevCluster.start(tmp_path_factory.mktemp("second"), light=True) as started:
        yield started


@pytest.fixture
def empty_cluster(tmp_path: Path) -> Iterator[DevCluster]:
    """A cluster in which nothing stands yet, for the test alone: the shared ones hold what others made."""
    with DevCluster.start(tmp_path / "empty-cluster", light=True) as started:
        yield started


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevCloud]:
    """The six services of OpenStack, one set a worker. Make projects with names from `unique` alone."""
    with DevCloud.start(tmp_path_factory.mktemp("cloud")) as started:
        yield started


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A PostgreSQL server of the tests' own. Take a database of it with `new_database`."""
    from postgres import Server

    with Server.start() as started:
        yield started


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """An S3 server of the tests' own. Take a bucket of it with `bucket`."""
    from buckets import S3Server

    with S3Server(tmp_path_factory.mktemp("s3")) as started:
        yield started
