"""An apply told to stop says what it did, a killed one leaves what can be seen, and the next goes on."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from waiting import wait_until
from yunjin.store import Store

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

    from commandline import CommandLine

STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@pytest.fixture
def stuck(planned: CommandLine) -> Iterator[CommandLine]:
    """A desk whose endpoint enforces no quota, so that an apply waits for a long time."""
    with planned.endpoint("k8s") as others:
        others.freeze()
    yield planned
    with planned.endpoint("k8s") as others:
        others.thaw()


def heed() -> None:
    """In the background and below `nohup` signals are ignored, which all that the tests start inherits."""
    for number in STOPS:
        signal.signal(number, signal.SIG_DFL)


def started(desk: CommandLine) -> subprocess.Popen[str]:
    """An apply that has written the quotas and waits for them."""
    process = desk.start("apply", "--yes", preexec_fn=heed)
    with Store.open(desk.state) as store:
        wait_until(lambda: [run.counts for run in store.journal.runs()] == [{"before": 3, "done": 19}])
    return process


def goes_on(desk: CommandLine) -> None:
    """The next apply does the rest."""
    with desk.endpoint("k8s") as others:
        others.thaw()
    desk.run("apply", "--yes")
    assert desk.value("plan")["plan"]["changes"] == []


@pytest.mark.parametrize("number", STOPS, ids=lambda number: number.name)
def test_an_apply_that_is_asked_to_stop_says_what_it_did(stuck: CommandLine, number: signal.Signals) -> None:
    with started(stuck) as process:
        process.send_signal(number)
        said, errors = process.communicate(timeout=60)

    assert process.returncode == 1, said + errors
    assert "jtj-egov/ResourceQuota/yunjin 尚未生效 执行被中止" in " ".join(said.split())
    assert "再次执行 yunjin apply 即可继续" in said
    assert said.splitlines()[-1].startswith("下发执行完成: 已执行 19 项, 尚未生效 3 项")
    with Store.open(stuck.state) as store:
        assert [record.state for record in store.journal.runs()] == ["finished"]
        assert store.leases.held() == ()
    goes_on(stuck)


def test_what_a_killed_apply_left_in_doubt_is_shown(stuck: CommandLine) -> None:
    with started(stuck) as process:
        process.kill()

    assert "待核实 3 项" in stuck.run("status")
    (run,) = stuck.value("status")["runs"]
    assert (run["state"], run["counts"]["before"], run["doubt"]) == ("running", 3, 3)
    goes_on(stuck)
    assert [run["doubt"] for run in stuck.value("status")["runs"]] == [0, 0]
