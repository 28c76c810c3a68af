"""What the simulated endpoint does beyond the common contract: its file, its controllers, its people."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from leaves import SMALL, TRANSLATOR, change, leaf, objects, read, removal, state, write
from waiting import wait_until
from yunjin.errors import ConflictError, PermanentError, UsageError
from yunjin.model.amounts import Amounts
from yunjin.model.resources import Key, Live
from yunjin.substrates.simulated.backend import SimulatedBackend

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Protocol

    from leaves import Objects

    class Clock(Protocol):
        now: float

        def __call__(self) -> float: ...


ENDPOINT = "k8s"
CPU = ("spec", "hard", "requests.cpu")


@pytest.fixture
def jtj(backend: SimulatedBackend) -> Objects:
    """A whole leaf."""
    made = objects(leaf("jtj-egov", ENDPOINT))
    write(backend, *made.all)
    return made


def live(backend: SimulatedBackend, key: Key) -> Live:
    found = read(backend, key)
    assert found is not None
    return found


def test_the_file_is_for_its_owner_alone(backend: SimulatedBackend, file: Path) -> None:
    assert file.is_file()
    assert file.parent.stat().st_mode & 0o777 == 0o700


def test_what_was_written_outlives_the_process(backend: SimulatedBackend, file: Path, jtj: Objects) -> None:
    before = state(backend)
    backend.close()
    opened = SimulatedBackend.open(ENDPOINT, file)
    assert state(opened) == before
    opened.close()


def test_versions_rise_only_with_a_change(backend: SimulatedBackend, jtj: Objects) -> None:
    first = live(backend, jtj.deny.key)
    write(backend, jtj.deny)
    assert live(backend, jtj.deny.key) == first
    backend.edit(jtj.deny.key, {("metadata", "labels", "x"): "1"})
    assert int(live(backend, jtj.deny.key).version) > int(first.version)
    assert first.body["metadata"]["resourceVersion"] == first.version


def test_objects_carry_what_a_server_gives_them(backend: SimulatedBackend, jtj: Objects) -> None:
    found = [live(backend, key).body["metadata"] for key in jtj.keys]
    assert {metadata["creationTimestamp"] for metadata in found} == {"2026-11-22T04:00:00Z"}
    assert len({metadata["uid"] for metadata in found}) == len(found)
    assert live(backend, jtj.deny.key).body["metadata"]["generation"] == 1
    backend.edit(jtj.deny.key, {("spec", "policyTypes"): ["Ingress"]})
    assert live(backend, jtj.deny.key).body["metadata"]["generation"] == 2


def test_a_quota_is_counted_at_once_unless_told_otherwise(backend: SimulatedBackend, jtj: Objects) -> None:
    status = live(backend, jtj.quota.key).body["status"]
    assert status["hard"] == live(backend, jtj.quota.key).body["spec"]["hard"]
    assert set(status["used"].values()) == {"0"}


def test_a_quota_is_counted_after_the_delay(backend: SimulatedBackend, jtj: Objects, clock: Clock) -> None:
    backend.delay(quota=30)
    backend.edit(jtj.quota.key, {CPU: "8"})
    clock.now += 29
    assert live(backend, jtj.quota.key).body["status"]["hard"]["requests.cpu"] == "4"
    clock.now += 1
    assert live(backend, jtj.quota.key).body["status"]["hard"]["requests.cpu"] == "8"


def test_a_namespace_ends_after_the_delay(backend: SimulatedBackend, jtj: Objects, clock: Clock) -> None:
    backend.delay(removal=30)
    backend.write(removal(jtj.namespace), live(backend, jtj.namespace.key))
    ending = live(backend, jtj.namespace.key).body
    assert ending["status"] == {"phase": "Terminating"}
    assert ending["metadata"]["deletionTimestamp"] == "2026-11-22T04:00:00Z"
    clock.now += 30
    assert backend.read(jtj.keys) == {}
    write(backend, *jtj.all)
    assert live(backend, jtj.namespace.key).body["status"] == {"phase": "Active"}


def test_standing_controllers_are_the_cluster_s_and_not_the_process_s(
    backend: SimulatedBackend, file: Path, jtj: Objects, clock: Clock
) -> None:
    backend.freeze()
    second = SimulatedBackend.open(ENDPOINT, file, clock=clock)
    second.edit(jtj.quota.key, {CPU: "8"})
    clock.now += 3600
    assert live(second, jtj.quota.key).body["status"]["hard"]["requests.cpu"] == "4"
    second.thaw()
    assert live(backend, jtj.quota.key).body["status"]["hard"]["requests.cpu"] == "8"
    second.close()


def test_a_shrink_is_in_force_only_when_no_more_is_used(backend: SimulatedBackend, jtj: Objects) -> None:
    backend.consume("jtj-egov", {"requests.cpu": "3"})
    less = objects(leaf("jtj-egov", ENDPOINT, allotted=Amounts({**SMALL, "cpu": 2000})))
    before = live(backend, jtj.quota.key)
    shrink = change(less.quota, before)
    backend.write(shrink, before)
    assert live(backend, jtj.quota.key).body["status"]["used"]["requests.cpu"] == "3"
    assert backend.effective([shrink]).keys() == frozenset()
    backend.consume("jtj-egov", {"requests.cpu": "2000m"})
    assert backend.effective([shrink]).keys() == {jtj.quota.key}


def test_a_growth_is_in_force_though_more_is_used(backend: SimulatedBackend, jtj: Objects) -> None:
    backend.consume("jtj-egov", {"requests.cpu": "9"})
    more = objects(leaf("jtj-egov", ENDPOINT, allotted=Amounts({**SMALL, "cpu": 6000})))
    before = live(backend, jtj.quota.key)
    growth = change(more.quota, before)
    backend.write(growth, before)
    assert backend.effective([growth]).keys() == {jtj.quota.key}


def test_people_cannot_make_what_is_there_or_change_what_is_not(
    backend: SimulatedBackend, jtj: Objects
) -> None:
    with pytest.raises(ConflictError):
        backend.create_foreign(jtj.quota.body)
    with pytest.raises(ConflictError):
        backend.edit(Key(ENDPOINT, "jtj-egov", "LimitRange", "nothing"), {("spec",): {}})
    backend.remove(Key(ENDPOINT, "jtj-egov", "LimitRange", "nothing"))


def test_people_may_remove_what_yunjin_may_not(backend: SimulatedBackend) -> None:
    guarded = objects(leaf("fgw-egov", ENDPOINT, protected=True)).namespace
    write(backend, guarded)
    backend.remove(guarded.key)
    assert read(backend, guarded.key) is None


def test_an_object_larger_than_a_store_takes_is_refused(backend: SimulatedBackend, jtj: Objects) -> None:
    before = live(backend, jtj.deny.key)
    with pytest.raises(PermanentError):
        backend.edit(jtj.deny.key, {("metadata", "annotations", "x"): "y" * 2**21})
    assert live(backend, jtj.deny.key) == before


def test_watched_names_are_shown_though_nobody_labelled_them(file: Path) -> None:
    backend = SimulatedBackend.open(ENDPOINT, file, watch_names=frozenset({"theirs"}))
    for name in ("theirs", "others"):
        backend.create_foreign({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    assert set(state(backend)) == {"", "theirs"}
    backend.close()


def test_what_is_seeded_is_what_writing_would_have_left(
    backend: SimulatedBackend, tmp_path: Path, clock: Clock, jtj: Objects
) -> None:
    seeded = SimulatedBackend.open(ENDPOINT, tmp_path / "seeded.db", clock=clock)
    assert seeded.seed(wanted.body for wanted in jtj.all) == len(jtj.all)

    def essence(found: Live) -> object:
        metadata = {
            name: value
            for name, value in found.body["metadata"].items()
            if name not in ("uid", "resourceVersion", "generation")
        }
        return {**found.body, "metadata": metadata}

    for wanted in jtj.all:
        assert essence(live(seeded, wanted.key)) == essence(live(backend, wanted.key))
        assert TRANSLATOR.matches(wanted, live(seeded, wanted.key))
    write(seeded, *jtj.all)
    seeded.close()


def test_a_seed_with_a_wrong_object_seeds_nothing(backend: SimulatedBackend, jtj: Objects) -> None:
    before = state(backend)
    wrong = {**jtj.quota.body, "spec": {"hard": {"pods": "many"}}}
    fresh = objects(leaf("zfj-egov", ENDPOINT)).namespace.body
    with pytest.raises(PermanentError, match="many"):
        backend.seed([fresh, wrong])
    assert state(backend) == before


@pytest.mark.parametrize("content", [b"no database at all, whatever the name says" * 40, None])
def test_a_file_that_is_something_else_is_left_alone(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "k8s.db"
    if content is None:
        with sqlite3.connect(file) as other:
            other.execute("CREATE TABLE theirs (x)")
        other.close()
    else:
        file.write_bytes(content)
    before = file.read_bytes()
    with pytest.raises(UsageError, match=r"k8s\.db") as raised:
        SimulatedBackend.open(ENDPOINT, file)
    assert raised.value.remedy is not None
    assert file.read_bytes() == before


def test_a_folder_in_the_file_s_place_is_named(tmp_path: Path) -> None:
    (tmp_path / "k8s.db").mkdir()
    with pytest.raises(PermanentError, match=r"k8s\.db"):
        SimulatedBackend.open(ENDPOINT, tmp_path / "k8s.db")


def test_a_reader_sees_one_moment_while_others_write(backend: SimulatedBackend, jtj: Objects) -> None:
    write(backend, objects(leaf("fgw-egov", ENDPOINT)).namespace)
    states = backend.observe()
    assert next(states).name == ""
    assert next(states).name == "fgw-egov"
    backend.remove(jtj.namespace.key)
    assert [found.name for found in states] == ["jtj-egov"]
    assert "jtj-egov" not in state(backend)


def test_threads_of_one_backend_may_do_everything_at_once(backend: SimulatedBackend) -> None:
    def one(number: int) -> bool:
        made = objects(leaf(f"leaf-{number}", ENDPOINT))
        write(backend, *made.all)
        backend.edit(made.quota.key, {CPU: "5"})
        return f"leaf-{number}" in state(backend)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(one, range(24)))
    versions = [found.version for leaf_ in state(backend).values() for found in leaf_.values()]
    assert len(set(versions)) == len(versions) == 24 * 8


ENVIRONMENT = {"PYTHONPATH": ":".join(sys.path)}
PROCESS = """
import sys
from pathlib import Path
from leaves import leaf, objects, write
from yunjin.substrates.simulated.backend import SimulatedBackend
file, name = Path(sys.argv[1]), sys.argv[2]
backend = SimulatedBackend.open("k8s", file)
for number in range(10):
    write(backend, objects(leaf(f"{name}-{number}", "k8s")).namespace)
backend.close()
"""


def test_processes_may_open_and_write_one_file_at_once(file: Path) -> None:
    started = [
        subprocess.Popen([sys.executable, "-c", PROCESS, str(file), name], env=ENVIRONMENT)
        for name in ("a", "b", "c", "d")
    ]
    assert [process.wait(timeout=60) for process in started] == [0, 0, 0, 0]
    backend = SimulatedBackend.open("k8s", file)
    assert len(state(backend)) == 1 + 40
    backend.close()


def test_a_process_killed_while_it_writes_leaves_whole_objects(file: Path) -> None:
    endless = PROCESS.replace("range(10)", "range(10**9)").replace(
        "for number", "print('go', flush=True)\nfor number"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", endless, str(file), "a"],
        env=ENVIRONMENT,
    )
    backend = SimulatedBackend.open("k8s", file)
    wait_until(lambda: len(state(backend)) > 5)
    process.kill()
    process.wait(timeout=60)
    made = [found for name, found in state(backend).items() if name]
    assert all(len(found) == 1 for found in made)
    write(backend, objects(leaf("after", "k8s")).namespace)
    backend.close()
