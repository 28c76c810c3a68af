"""Sizes of the 29 tenants, worked out here again from the planning figures, and sums of the quota tree."""

import pytest

from yunjin.model.amounts import PODS, Amounts, parse, total
from yunjin.model.estate import Estate

# Requests of each element's own workloads: one county's pilot (S) and the city's first year (M).
PLANNING = """
    element                S                   M
    cloud-centre           8c/16Gi/200Gi       24c/64Gi/1Ti
    integrated-management  8c/16Gi/100Gi       24c/64Gi/1Ti
    public-service         8c/16Gi/200Gi       32c/64Gi/2Ti
    emergency-command      24c/48Gi/5Ti        96c/192Gi/60Ti
    urban-management       8c/16Gi/500Gi       32c/64Gi/4Ti
    social-management      8c/16Gi/200Gi       24c/48Gi/2Ti
    tourism                4c/8Gi/100Gi        16c/32Gi/1Ti
    transport              16c/32Gi/1Ti        64c/128Gi/20Ti
    healthcare             16c/32Gi/2Ti        64c/128Gi/50Ti
"""
OTHERS = "4c/8Gi/100Gi"
LEADING = {
    "fgw": ("cloud-centre", "integrated-management", "public-service"),
    "gaj": ("emergency-command",),
    "zfj": ("urban-management",),
    "rsj": ("social-management",),
    "lfw": ("tourism",),
    "jtj": ("transport",),
}
LEADING_NOTHING = ["jxw", "fwyw", "zjw", "ghj", "mzj", "wjw", "wgj", "jyj", "txb", "lzj", "ajj", "jjzd"]
AREAS = ["shuangtaizi", "xinglongtai", "dawa", "panshan", "liaodongwan", "liaohekou"]
LINES = ["line-greening", "line-sanitation", "line-municipal"]
BELOW = {"zfj": LINES, "wjw": ["inst-hospital"]}


def size(figures: str) -> Amounts:
    cpu, memory, storage = figures.split("/")
    cores = int(cpu.removesuffix("c"))
    return Amounts.parse({"cpu": cores, "memory": memory, "storage": storage, "pods": 3 * cores})


def planned() -> dict[str, Amounts]:
    rows = [line.split() for line in PLANNING.splitlines() if line.strip()][1:]
    small = {element: size(figures) for element, figures, _ in rows}
    medium = {element: size(figures) for element, _, figures in rows}
    sizes = {bureau: total(medium[element] for element in led) for bureau, led in LEADING.items()}
    sizes |= dict.fromkeys(LEADING_NOTHING, size(OTHERS))
    sizes |= dict.fromkeys(AREAS, small["urban-management"] + small["social-management"])
    sizes |= dict.fromkeys(LINES, small["urban-management"])
    return sizes | {"inst-hospital": small["healthcare"], "ent-ecommerce": small["public-service"]}


def machines() -> dict[str, Amounts]:
    """What runs in virtual machines beside that."""

    def of(cpu: int, memory: str, storage: str, **more: int) -> Amounts:
        return Amounts.parse({"cpu": cpu, "memory": memory, "storage": storage, **more})

    sizes = dict.fromkeys(LEADING, of(16, "64Gi", "2Ti", volumes=16, ports=24))
    sizes |= dict.fromkeys(AREAS, of(4, "16Gi", "500Gi", volumes=8, ports=12))
    sizes["inst-hospital"] = of(8, "32Gi", "1Ti", volumes=8, ports=12)
    public = {"floating-ips": 1}
    sizes["ent-ecommerce"] = of(4, "8Gi", "200Gi", volumes=4, ports=8, **public)
    return sizes


SIZES = planned()
MACHINES = machines()


def leaf(tenant: str) -> tuple[str, str]:
    """Node and pool of the one namespace a tenant has."""
    pool = "k8s-inet" if tenant == "ent-ecommerce" else "k8s-egov"
    return f"leaf/{pool}/{tenant}-{pool.removeprefix('k8s-')}", pool


def test_the_leads_of_the_table_are_those_of_the_plan(panjin: Estate) -> None:
    led: dict[str, tuple[str, ...]] = {}
    for element in panjin.elements.values():
        if element.lead:
            led[element.lead] = (*led.get(element.lead, ()), element.id)
    assert led == LEADING


def test_twenty_nine_tenants_with_one_namespace_each(panjin: Estate) -> None:
    assert len(SIZES) == 29
    assert set(panjin.tenants) == set(SIZES)
    found = {row.node: row.pool for row in panjin.leaf_rows if row.pool.startswith("k8s-")}
    assert found == dict(leaf(tenant) for tenant in SIZES)


@pytest.mark.parametrize("tenant", MACHINES)
def test_whoever_runs_virtual_machines_has_one_project(panjin: Estate, tenant: str) -> None:
    pool = "os-inet" if tenant == "ent-ecommerce" else "os-egov"
    name = f"{tenant}-{pool.removeprefix('os-')}"
    row = panjin.baseline[f"leaf/{pool}/{name} {pool}"]
    assert (row.tenant, row.allotted) == (tenant, MACHINES[tenant])
    owner = panjin.parent(f"tenant/{tenant}")
    assert owner is not None
    for node in (f"tenant/{tenant}", owner):
        assert panjin.limit(node, pool) == MACHINES[tenant]


def test_nobody_else_has_a_project(panjin: Estate) -> None:
    assert {row.tenant for row in panjin.leaf_rows if row.pool.startswith("os-")} == set(MACHINES)


@pytest.mark.parametrize("tenant", SIZES)
def test_allotted_and_limit_of_a_tenant(panjin: Estate, tenant: str) -> None:
    node, pool = leaf(tenant)
    row = panjin.baseline[f"{node} {pool}"]
    assert row.tenant == tenant
    assert row.allotted == SIZES[tenant]
    assert panjin.limit(f"tenant/{tenant}", pool) == SIZES[tenant]


@pytest.mark.parametrize("bureau", [*LEADING, *LEADING_NOTHING])
def test_limit_of_a_bureau_carries_its_own_tenant_and_all_below(panjin: Estate, bureau: str) -> None:
    below = [*BELOW.get(bureau, ()), *(["jjzd"] if bureau == "gaj" else [])]
    assert panjin.limit(f"bureau/{bureau}", "k8s-egov") == total(SIZES[item] for item in (bureau, *below))


def test_the_enterprise_alone_stands_in_the_internet_zone(panjin: Estate) -> None:
    rows = {row.node: row for row in panjin.baseline.values() if row.pool == "k8s-inet"}
    assert set(rows) == {"bureau/fwyw", "tenant/ent-ecommerce", "leaf/k8s-inet/ent-ecommerce-inet"}
    assert rows["bureau/fwyw"].limit == SIZES["ent-ecommerce"]


@pytest.mark.parametrize("area", AREAS)
def test_limit_of_an_area_is_its_tenants(panjin: Estate, area: str) -> None:
    assert panjin.limit(f"area/{area}", "k8s-egov") == SIZES[area]


def test_the_city_has_no_row_of_its_own(panjin: Estate) -> None:
    assert not [row for row in panjin.baseline.values() if row.node == "city"]


def test_allotted_and_top_limits_fit_what_each_pool_can_promise(panjin: Estate) -> None:
    for pool in panjin.pools.values():
        rows = [row for row in panjin.baseline.values() if row.pool == pool.id]
        allotted = total(row.allotted for row in rows if row.allotted is not None)
        tops = total(row.limit for row in rows if row.limit is not None and panjin.parent(row.node) == "city")
        assert allotted == tops
        assert not allotted.excess_over(pool.bound()), pool.id


def test_guarantees_are_half_of_a_leading_bureaus_own_tenant_and_a_quarter_of_an_areas(
    panjin: Estate,
) -> None:
    guarantees = {
        (row.node, row.pool[:3]): row.guarantee for row in panjin.baseline.values() if row.guarantee
    }
    expected = {f"bureau/{b}": 2 for b in LEADING} | {f"area/{a}": 4 for a in AREAS}
    expected |= {f"tenant/{b}": 2 for b in LEADING} | {f"tenant/{a}": 4 for a in AREAS}
    assert guarantees == {
        (node, technology): Amounts({d: value // part for d, value in sizes[node.partition("/")[2]].items()})
        for node, part in expected.items()
        for technology, sizes in (("k8s", SIZES), ("os-", MACHINES))
    }


def test_guarantees_and_limits_of_children_fit_their_parents(panjin: Estate) -> None:
    inner = [row for row in panjin.baseline.values() if not row.is_leaf]
    for row in inner:
        assert row.limit is not None
        assert not (row.guarantee or Amounts()).excess_over(row.limit), row.key
        of_pool = [child for child in inner if child.pool == row.pool]
        children = [child for child in of_pool if panjin.parent(child.node) == row.node]
        assert not total(child.guarantee or Amounts() for child in children).excess_over(row.limit), row.key
        assert not [child.key for child in children if (child.limit or Amounts()).excess_over(row.limit)]


def test_a_core_carries_three_pods(panjin: Estate) -> None:
    for row in panjin.leaf_rows:
        if row.pool.startswith("os-"):
            continue
        assert row.allotted is not None
        assert row.allotted.of(PODS) * parse("cpu", 1) == 3 * row.allotted.of("cpu"), row.node
