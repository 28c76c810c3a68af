"""constraints.txt is the exact set: what it pins is installed, what is needed is pinned, no address in it."""

from __future__ import annotations

import re
from importlib.metadata import distribution

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tools.environment import ROOT, dependencies

PINS = [
    line
    for line in (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    if line and not line.startswith("#")
]


def closure(roots: list[str]) -> dict[str, str]:
    """Every distribution that `roots` need on this interpreter, with its installed version."""
    found: dict[str, str] = {}
    waiting = [Requirement(root) for root in roots]
    seen = set()
    while waiting:
        requirement = waiting.pop()
        if str(requirement) in seen:
            continue
        seen.add(str(requirement))
        installed = distribution(requirement.name)
        found[canonicalize_name(requirement.name)] = installed.version
        for line in installed.requires or ():
            needed = Requirement(line)
            extras = requirement.extras or {""}
            if not needed.marker or any(needed.marker.evaluate({"extra": extra}) for extra in extras):
                waiting.append(needed)
    return found


def test_every_line_is_one_exact_version_without_an_address() -> None:
    assert [line for line in PINS if not re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+!]+", line)] == []


def test_each_name_is_pinned_once_in_order() -> None:
    names = [canonicalize_name(line.split("==")[0]) for line in PINS]
    assert names == sorted(set(names))


def test_it_pins_the_closure_of_the_project_and_its_development_group() -> None:
    run_time, development = dependencies(ROOT)
    pinned = {canonicalize_name(name): version for name, version in (line.split("==") for line in PINS)}
    assert pinned == closure([*run_time, *development])
