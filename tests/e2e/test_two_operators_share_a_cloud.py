"""Two controllers, each with a state database of its own, at once on one cluster and one cloud.

Each has its own ledger and knows nothing of the other's; what keeps them apart is the lease in the endpoints
themselves. Whoever comes second finds the work done, and what both say of the city afterwards is the same.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from commandline import CommandLine
from controllers import Running
from own_cities import OwnCity, found
from spines import policies
from waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from devcloud import DevCloud
    from devcluster import DevCluster

pytestmark = pytest.mark.timeout(600)


@pytest.fixture
def shared(cluster: DevCluster, cloud: DevCloud, unique: Callable[[str], str], tmp_path: Path) -> OwnCity:
    """A city of four tenants, on both, that nobody applied yet."""
    repaired = policies(quota="repair")[1:]
    return found(tmp_path / "first", cluster, unique, tenants=4, policies=repaired, cloud=cloud)


def _second(city: OwnCity, folder: Path) -> CommandLine:
    """Somebody else's desk, with the same files and a state of its own."""
    folder.mkdir()
    (folder / "tenants").symlink_to(city.desk.tenants)
    return CommandLine(folder)


def test_two_applies_at_once_end_with_the_city_as_declared(shared: OwnCity, tmp_path: Path) -> None:
    desks = [shared.desk, _second(shared, tmp_path / "second")]
    for desk in desks:
        assert len(desk.value("plan")["plan"]["changes"]) > 60
    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(lambda desk: desk.value("apply", "--yes", "--lock-timeout", "300"), desks))
    made = [each["counts"].get("done", 0) for each in done]
    assert all(set(each["counts"]) <= {"done", "already"} for each in done)
    assert max(made) > 60
    assert min(made) == 0
    for desk in desks:
        assert desk.value("plan")["plan"]["changes"] == []
        assert desk.value("drift") == {"drift": [], "waiting": 0, "unknown": []}
        desk.run("ledger", "check")


def test_two_controllers_put_a_quota_back_once(shared: OwnCity, cloud: DevCloud, tmp_path: Path) -> None:
    desks = [shared.desk, _second(shared, tmp_path / "second")]
    for desk in desks:
        desk.run("plan")
        desk.run("apply", "--yes")
    api = cloud.api()
    name = f"{shared.tenants[0]}-egov"
    (project,) = api.get("identity", f"/projects?name={name}")["projects"]
    quota = f"/os-quota-sets/{project['id']}"

    def cores() -> int:
        return int(api.get("compute", quota)["quota_set"]["cores"])

    declared = cores()
    with (
        Running(desks[0], shared.cloud, "--interval", "2") as one,
        Running(desks[1], shared.cloud, "--interval", "2") as other,
    ):
        one.swept()
        other.swept()
        api.must("PUT", "compute", quota, {"quota_set": {"cores": declared + 5}})
        wait_until(lambda: cores() == declared, within=120)
        wait_until(
            lambda: sum(each.figure("yunjin_changes_total", outcome="done") for each in (one, other)) >= 1
        )
        assert one.end() == other.end() == 0
    lines = [*one.log, *other.log]
    assert sum(line.get("repaired", 0) for line in lines) == 1
    assert not [line for line in lines if line.get("outcome") == "failed"]
    for desk in desks:
        assert desk.value("drift") == {"drift": [], "waiting": 0, "unknown": []}
