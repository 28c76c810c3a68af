"""Whatever loads and breaks no rule can be planned and applied, and stands as declared afterwards."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from estates import city, tenant
from spines import DAY, City
from yunjin.errors import DeclaredErrors
from yunjin.model.change import Severity
from yunjin.policy import Facts, run
from yunjin_policies import RULES

if TYPE_CHECKING:
    from collections.abc import Callable

    from yunjin.model.estate import Estate

Items = dict[str, list[dict[str, Any]]]
Draw = Any  # hypothesis' own type of it takes no parameters
FIGURES: dict[str, list[int | str]] = {
    "cpu": [0, 1, "500m", 64],
    "memory": ["0Mi", "1Mi", "8Gi"],
    "storage": ["0Mi", "100Gi"],
    "pods": [0, 40],
    "volumes": [0, 3],
    "storage/ssd": ["0Mi", "10Gi"],
    "gpu/a10": [0, 1],
    "ports": [2],
}
FIELDS: dict[str, dict[str, list[Any]]] = {
    "pools": {
        "limit_percent": [{}, {"cpu": 333}],
        "overcommit_percent": [{"cpu": 1000, "pods": 1}],
        "node_selector": [{}, {"yunjin/pool": "x"}, {"a": ""}],
        "suffix": ["egov", "x"],
    },
    "zones": {"cidrs": [[], ["0.0.0.0/0"], ["10.1.0.0/16", "10.1.0.0/16"]]},
    "endpoints": {"pool_binding": ["admission-policy"], "state": ["planned"]},
    "bureaus": {"valid": [{"until": "2020-01-01"}, {"from": "2000-01-01", "until": "2030-01-01"}]},
    "tenants": {
        "kind": ["line", "enterprise"],
        "owner": ["bureau/fgw", "area/dawa"],
        "mlps": [1, 3, 4],
        "protected": [True],
        "quarantine": [{"since": "2026-01-01", "reason": "核查"}],
        "names": [[{"zh": "甲", "en": "A", "until": "2000-01-01"}]],
    },
}


def figures(items: Items, draw: Draw) -> None:
    row = draw(st.sampled_from(items["baseline"]))
    kind = draw(st.sampled_from([key for key in ("limit", "guarantee", "allotted") if key in row]))
    dimension = draw(st.sampled_from(sorted(FIGURES)))
    row[kind] = {**row[kind], dimension: draw(st.sampled_from(FIGURES[dimension]))}


def one_dimension(items: Items, draw: Draw) -> None:
    """Everybody has it, and the pools have enough."""
    dimension = draw(st.sampled_from(sorted(FIGURES)))
    value = draw(st.sampled_from(FIGURES[dimension]))
    plenty: Any = "10000Ti" if isinstance(value, str) and value.endswith("i") else 10**6
    for row in items["baseline"]:
        for kind in {"limit", "guarantee", "allotted"} & row.keys():
            row[kind] = {**row[kind], dimension: value}
    for pool in items["pools"]:
        pool["supply"] = {**pool["supply"], dimension: plenty}


def field(items: Items, draw: Draw) -> None:
    document = draw(st.sampled_from(sorted(FIELDS)))
    name = draw(st.sampled_from(sorted(FIELDS[document])))
    draw(st.sampled_from(items[document]))[name] = draw(st.sampled_from(FIELDS[document][name]))


def row_gone(items: Items, draw: Draw) -> None:
    items["baseline"].remove(draw(st.sampled_from(items["baseline"])))


def flow(items: Items, draw: Draw) -> None:
    zones = st.sampled_from(["egov", "inet"])
    way = {"id": "way", "from": draw(zones), "to": draw(zones), "protocol": "TCP", "port": 443}
    items["zones"][0]["flows"] = [{**way, "approval": "批", "expires": "2099-01-01"}]


def imported(items: Items, draw: Draw) -> None:
    """A namespace that stood before, in part or as a whole."""
    found = draw(st.sampled_from(items["tenants"]))
    own = f"leaf/k8s/{found['id']}-egov"
    roles = ["quota", "limits", "network-deny", "network-flows", "role-admin", "role-viewer"]
    without = draw(st.lists(st.sampled_from(roles), unique=True))
    part: dict[str, Any] = {"leaf": draw(st.sampled_from([own, "leaf/k8s/old"])), "since": "2026-01-01"}
    part["without"] = [{"object": role, "since": "2026-01-01", "reason": "原无"} for role in without]
    found["imported"] = [part | draw(st.sampled_from([{}, {"paper": {"doc": "批"}}]))]
    for row in items["baseline"]:
        row["node"] = part["leaf"] if row["node"] == own else row["node"]


def newcomer(items: Items, draw: Draw) -> None:
    name = "t" * draw(st.sampled_from([1, 50]))
    items["tenants"].append(tenant(name, "institution", "bureau/jtj"))
    items["baseline"] += [
        {"node": f"tenant/{name}", "pool": "k8s-egov", "limit": {"cpu": 1}},
        {"node": f"leaf/k8s/{name}-egov", "pool": "k8s-egov", "tenant": name, "allotted": {"cpu": 1}},
    ]


CHANGES: list[Callable[[Items, Draw], None]] = [
    figures, one_dimension, field, field, row_gone, flow, imported, newcomer
]  # fmt: skip


@pytest.mark.parametrize("change", CHANGES[:3], ids=lambda change: change.__name__)
@settings(max_examples=12)
@given(st.data())
def test_what_validates_is_applied_and_stands(
    change: Callable[[Items, Draw], None], data: st.DataObject
) -> None:
    items: Any = city()
    for each in (change, *data.draw(st.lists(st.sampled_from(CHANGES), max_size=2))):
        each(items, data.draw)
    with tempfile.TemporaryDirectory() as folder:
        town = City(Path(folder), **items)
        try:
            _apply_what_validates(town)
        finally:
            town.close()


def _apply_what_validates(town: City) -> None:
    try:
        estate = town.estate()
    except DeclaredErrors:
        return
    found = run(RULES, Facts(estate, DAY))
    assert not [finding for finding in found if finding.subject.startswith("rule/")]
    if any(finding.severity is Severity.ERROR for finding in found):
        _plan(town, estate)
        return
    assert _plan(town, estate)
    assert all(receipt.settled for receipt in town.apply())
    with town.spine(estate) as spine:
        assert spine.plan().plan.changes == ()


def _plan(town: City, estate: Estate) -> bool:
    with town.spine(estate) as spine:
        return spine.plan().verdict.approved
