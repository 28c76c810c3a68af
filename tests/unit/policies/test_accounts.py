"""The quota tree against a plain recursive reading of the rules of counting."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from declared import declared
from estates import city
from yunjin.model.estate import CITY, Estate
from yunjin_policies.accounts import accounts

# Every body hangs below an earlier one or below the city, so that no draw has a cycle.
BODIES = st.lists(st.integers(0, 5), min_size=1, max_size=6)
FIGURES = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=6, max_size=6)
TENANTS = st.lists(
    st.tuples(st.integers(0, 5), st.integers(0, 9), st.lists(st.integers(0, 9), max_size=3)), max_size=8
)


def estate_of(
    parents: list[int], figures: list[tuple[int, int]], tenants: list[tuple[int, int, list[int]]]
) -> Estate:
    bureaus = [
        {
            "id": f"b{n}",
            "names": [{"zh": f"局{n}", "en": f"B{n}"}],
            **({"parent": f"b{parent % n}"} if n and parent < n else {}),
        }
        for n, parent in enumerate(parents)
    ]
    rows = [
        {"node": f"bureau/b{n}", "pool": "k8s-egov", "limit": {"cpu": limit}, "guarantee": {"cpu": guarantee}}
        for n, (limit, guarantee) in enumerate(figures[: len(parents)])
        if limit  # a body without a row has limit 0 and guarantee 0
    ]
    bodies = []
    for n, (owner, guarantee, leaves) in enumerate(tenants):
        bodies.append(
            {
                "id": f"t{n}",
                "names": [{"zh": f"单位{n}", "en": f"T{n}"}],
                "kind": "line",
                "owner": f"bureau/b{owner % len(parents)}",
                "mlps": 2,
            }
        )
        rows.append(
            {"node": f"tenant/t{n}", "pool": "k8s-egov", "limit": {"cpu": 5}, "guarantee": {"cpu": guarantee}}
        )
        rows += [
            {"node": f"leaf/k8s/t{n}-{m}", "pool": "k8s-egov", "tenant": f"t{n}", "allotted": {"cpu": cpu}}
            for m, cpu in enumerate(leaves)
        ]
    return declared(bureaus=bureaus, areas=[], elements=[], tenants=bodies, baseline=rows)


def below(estate: Estate, node: str) -> list[str]:
    inner = [f"bureau/{item}" for item in estate.bureaus] + [f"tenant/{item}" for item in estate.tenants]
    return [child for child in inner if estate.parent(child) == node]


def guarantee(estate: Estate, node: str) -> int:
    row = estate.baseline.get(f"{node} k8s-egov")
    return row.guarantee.of("cpu") if row and row.guarantee else 0


def promised(estate: Estate, node: str) -> int:
    return max(guarantee(estate, node), sum(promised(estate, child) for child in below(estate, node)))


def charge(estate: Estate, node: str) -> int:
    if node.startswith("tenant/"):
        leaves = [row for row in estate.leaf_rows if f"tenant/{row.tenant}" == node]
        return max(guarantee(estate, node), sum(row.allotted.of("cpu") for row in leaves if row.allotted))
    return max(guarantee(estate, node), sum(charge(estate, child) for child in below(estate, node)))


@given(BODIES, FIGURES, TENANTS)
def test_every_account_equals_the_recursive_definition(
    parents: list[int], figures: list[tuple[int, int]], tenants: list[tuple[int, int, list[int]]]
) -> None:
    estate = estate_of(parents, figures, tenants)

    found = accounts(estate)

    for (node, pool), account in found.items():
        if pool == "k8s-egov":
            assert account.promised.of("cpu") == promised(estate, node)
            assert account.charge.of("cpu") == charge(estate, node)
    charged = {node for node, pool in found if pool == "k8s-egov"}
    for row in estate.baseline.values():  # nothing that is recorded, and nothing above it, is left out
        above: str | None = estate.parent(row.node) if row.is_leaf else row.node
        while above is not None:
            assert above in charged
            above = estate.parent(above)


@given(BODIES, FIGURES, TENANTS)
def test_charges_cover_guarantees(
    parents: list[int], figures: list[tuple[int, int]], tenants: list[tuple[int, int, list[int]]]
) -> None:
    for account in accounts(estate_of(parents, figures, tenants)).values():
        assert not account.promised.excess_over(account.charge)


def test_the_citys_limit_is_the_bound_of_the_pool() -> None:
    found = accounts(declared())

    assert found[(CITY, "k8s-egov")].limit.of("cpu") == 64_000
    assert found[(CITY, "k8s-inet")].charge == {}


def test_a_body_below_itself_is_an_error_and_no_endless_loop() -> None:
    bureaus = [
        {"id": "fgw", "names": [{"zh": "甲", "en": "A"}], "parent": "jtj"},
        {"id": "jtj", "names": [{"zh": "乙", "en": "B"}], "parent": "fgw"},
    ]

    with pytest.raises(ValueError, match="below itself"):
        accounts(declared(bureaus=bureaus, baseline=city()["baseline"]))
