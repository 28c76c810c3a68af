"""Who uses the centre: names, owners, contacts, levels, platforms, systems."""

from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from yunjin.estate import load
from yunjin.model.estate import Estate

LINES = {"line-greening", "line-sanitation", "line-municipal"}
IDS = [
    "fgw",
    "jxw",
    "fwyw",
    "zjw",
    "lfw",
    "gaj",
    "zfj",
    "rsj",
    "ghj",
    "jtj",
    "mzj",
    "wjw",
    "wgj",
    "jyj",
    "txb",
    "lzj",
    "ajj",
    "jjzd",
    "shuangtaizi",
    "xinglongtai",
    "dawa",
    "panshan",
    "liaodongwan",
    "liaohekou",
    "line-greening",
    "line-sanitation",
    "line-municipal",
    "inst-hospital",
    "ent-ecommerce",
]


def test_the_shipped_files_have_no_errors() -> None:
    assert load(Path(__file__).parents[3] / "tenants").digest


def test_tenants_by_kind(panjin: Estate) -> None:
    assert Counter(tenant.kind for tenant in panjin.tenants.values()) == {
        "bureau": 18,
        "area": 6,
        "line": 3,
        "institution": 1,
        "enterprise": 1,
    }
    assert set(panjin.tenants) == set(IDS)


def test_a_bodys_own_tenant_has_its_id_owner_and_names(panjin: Estate) -> None:
    for tenant in panjin.tenants.values():
        if tenant.kind in ("bureau", "area"):
            of_bureau = tenant.kind == "bureau"
            names = panjin.bureaus[tenant.id].names if of_bureau else panjin.areas[tenant.id].names
            assert tenant.owner == f"{tenant.kind}/{tenant.id}"
            assert tenant.names == names


def test_the_others_hang_below_a_bureau(panjin: Estate) -> None:
    assert {t.id: t.owner for t in panjin.tenants.values() if t.kind not in ("bureau", "area")} == {
        **dict.fromkeys(LINES, "bureau/zfj"),
        "inst-hospital": "bureau/wjw",
        "ent-ecommerce": "bureau/fwyw",
    }


@pytest.mark.parametrize("tenant", IDS)
def test_contacts_are_a_technical_and_a_business_post(panjin: Estate, tenant: str) -> None:
    contacts = panjin.tenants[tenant].contacts
    assert {contact.role for contact in contacts} == {"technical", "business"}
    assert len({contact.post for contact in contacts}) == len(contacts)
    assert not any(contact.phone for contact in contacts)


def test_no_tenant_stands_above_the_level_of_its_zone(panjin: Estate) -> None:
    assert {tenant.mlps for tenant in panjin.tenants.values()} == {2, 3}
    for leaf in panjin.leaves(date(2026, 11, 22)):
        assert panjin.tenants[leaf.tenant].mlps <= panjin.zones[leaf.zone].mlps, leaf.node


def test_what_must_never_be_removed_is_protected(panjin: Estate) -> None:
    protected = {tenant.id for tenant in panjin.tenants.values() if tenant.protected}
    assert protected == {"fgw", "gaj", "jtj", "ajj", "inst-hospital"}


def test_nine_level_platforms_of_task_t06(panjin: Estate) -> None:
    running = {tenant.id for tenant in panjin.tenants.values() if "urban-management" in tenant.platforms}
    assert running == {*panjin.areas, *LINES}
    assert len(running) == 9
    platforms = {platform for tenant in panjin.tenants.values() for platform in tenant.platforms}
    assert platforms == {"urban-management"}


def test_leading_bureaus_run_the_systems_of_their_elements(panjin: Estate) -> None:
    leads = {element.id: element.lead for element in panjin.elements.values() if element.lead}
    running = {
        system.element: tenant.id
        for tenant in panjin.tenants.values()
        if tenant.kind == "bureau"
        for system in tenant.systems
    }
    assert running == leads


def test_nothing_is_in_production_before_it_was_asked_for(panjin: Estate) -> None:
    stages = {system.stage for tenant in panjin.tenants.values() for system in tenant.systems}
    assert stages == {"planned", "trial"}


def test_systems_stand_where_their_tenant_has_room_and_no_database_in_the_internet_zone(
    panjin: Estate,
) -> None:
    rooms = {(row.tenant, row.pool) for row in panjin.leaf_rows}
    for tenant in panjin.tenants.values():
        for system in tenant.systems:
            for group in system.groups:
                assert (tenant.id, group.pool) in rooms, (tenant.id, system.id)
                zone = panjin.zones[panjin.pools[group.pool].zone]
                assert zone.databases or group.use != "database", (tenant.id, system.id)


@pytest.mark.parametrize("day", [date(2015, 12, 1), date(2026, 11, 22)])
def test_every_node_of_the_tree_has_a_name_on_either_day(panjin: Estate, day: date) -> None:
    for row in panjin.baseline.values():
        if not row.is_leaf:
            assert panjin.owner_name(row.node, day).zh != row.node
