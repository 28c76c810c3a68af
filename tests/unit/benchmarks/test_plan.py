"""The plan benchmark measures what it says: both sides read the same and find the same."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from estates import synthetic_estate
from yunjin.substrates.kubernetes.translate import KubernetesTranslator

if TYPE_CHECKING:
    from types import ModuleType

PATH = Path(__file__).parents[3] / "benchmarks" / "plan.py"


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    spec = importlib.util.spec_from_file_location("benchmarks_plan", PATH)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_the_plain_loop_builds_what_the_translator_wants(benchmark: ModuleType) -> None:
    for leaf in synthetic_estate(3).leaves(benchmark.AS_OF):
        assert benchmark.dictionaries(leaf) == [wanted.body for wanted in KubernetesTranslator().wanted(leaf)]


def test_both_sides_find_the_objects_that_are_older(benchmark: ModuleType, tmp_path: Path) -> None:
    estate = synthetic_estate(100)
    file = tmp_path / "k8s.db"
    shared = len(KubernetesTranslator().shared(estate.endpoints[benchmark.ENDPOINT], {}))
    assert benchmark.seed(estate, file) == shared + 800
    assert benchmark.yunjin(estate, file) == 8
    assert benchmark.plain(estate.leaves(benchmark.AS_OF), file) == 8


def test_it_prints_each_figure_beside_its_aim(
    benchmark: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    found = benchmark.compare(20, 1)
    benchmark.report(found, 20)
    printed = capsys.readouterr().out
    assert printed.count("aim <=") == 3
    for runs in found.values():
        assert all(run.seconds > 0 and run.mib > 0 for run in runs)
    assert found["yunjin"][0].differing == found["plain"][0].differing
