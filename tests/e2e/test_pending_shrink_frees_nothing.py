"""A shrink that the cluster does not enforce yet frees nothing for anybody, however often it is applied.

On the real server with its controller-manager standing still: admission goes on counting by the old figures.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from own_cities import found
from yunjin.errors import ShortageError
from yunjin.model.amounts import Amounts

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from devcluster import DevCluster
    from own_cities import OwnCity

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def full(owned_cluster: DevCluster, unique: Callable[[str], str], tmp_path: Path) -> OwnCity:
    """Two tenants of 4 cores each, below a bureau that may have 8; each may have all of it."""
    city = found(tmp_path, owned_cluster, unique)
    city.desk.change_rows("bureau/jtj", *(f"tenant/{each}" for each in city.tenants), cpu=8)
    city.desk.run("plan")
    city.desk.run("apply", "--yes")
    return city


def _leaf(city: OwnCity, number: int) -> str:
    return f"{city.endpoints['egov']}/{city.leaf(number)}"


def _ask_for_more(city: OwnCity) -> ShortageError:
    """One core more for the second; it must not fit."""
    with city.desk.ledger() as ledger, pytest.raises(ShortageError) as caught:
        ledger.allot(f"leaf/{_leaf(city, 1)}", Amounts({"cpu": 5000}))
    return caught.value


def _hard(cluster: DevCluster, name: str) -> tuple[str, str]:
    """What the quota says, and what the cluster enforces."""
    quota = cluster.api().get(f"/api/v1/namespaces/{name}/resourcequotas/yunjin")
    return quota["spec"]["hard"]["requests.cpu"], quota["status"]["hard"]["requests.cpu"]


def test_until_it_is_seen_in_force(full: OwnCity, owned_cluster: DevCluster) -> None:
    first, desk = _leaf(full, 0), full.desk
    with owned_cluster.frozen():
        desk.allot(first, cpu=1)
        assert _ask_for_more(full).facts["node"] == "bureau/jtj"
        desk.run("plan")
        for _ in range(2):  # the second apply finds it written, and waits as the first did
            desk.run("apply", "--yes", "--wait-quota", "1", expect=1)
            assert _hard(owned_cluster, full.leaf(0)) == ("1", "4")
            assert desk.shares()[first].charged.of("cpu") == 4000
        error = _ask_for_more(full)
        assert (error.facts["limit"], error.facts["taken"], error.facts["missing"]) == (8000, 8000, 1000)

        desk.run("plan")  # a new one has no change there, and still nothing is free
        desk.run("apply", "--yes", "--wait-quota", "1")
        _ask_for_more(full)

    desk.run("apply", "--yes")
    assert desk.shares()[first].charged.of("cpu") == 1000
    desk.allot(_leaf(full, 1), cpu=7)
    desk.run("plan")
    desk.run("apply", "--yes")
    assert _hard(owned_cluster, full.leaf(1)) == ("7", "7")
    assert desk.under_way() == frozenset()


def test_the_second_half_of_a_move_is_not_written_before_the_first_is_in_force(
    full: OwnCity, owned_cluster: DevCluster
) -> None:
    desk = full.desk
    with owned_cluster.frozen():
        with desk.ledger() as ledger:
            ledger.move(f"leaf/{_leaf(full, 0)}", f"leaf/{_leaf(full, 1)}", Amounts({"cpu": 3000}))
        desk.run("plan")
        done = desk.value("apply", "--yes", "--wait-quota", "1", expect=1)
        outcomes = {receipt["key"].split("/")[1]: receipt["outcome"] for receipt in done["receipts"]}
        assert outcomes == {full.leaf(0): "pending", full.leaf(1): "skipped"}
        assert _hard(owned_cluster, full.leaf(1)) == ("4", "4")

    desk.run("plan")
    desk.run("apply", "--yes")
    assert (_hard(owned_cluster, full.leaf(0)), _hard(owned_cluster, full.leaf(1))) == (
        ("1", "1"),
        ("7", "7"),
    )
