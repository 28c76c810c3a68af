"""Small declared cities for tests: written as files, or built in memory.

Used by tests of every package and by benchmarks; calls PyYAML and the model. `city()` is the data of a
minimal valid city, `write_estate` puts it into a folder, `synthetic_estate` builds a large one without files.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from yunjin.errors import Place
from yunjin.model.amounts import CPU, MEMORY, PODS, STORAGE, Amounts
from yunjin.model.centre import Endpoint, Pool, Zone
from yunjin.model.declared import DatedName
from yunjin.model.estate import Estate
from yunjin.model.organisation import Bureau
from yunjin.model.tenants import BaselineRow, Contact, Tenant

Items = Sequence[Mapping[str, Any]]
SOURCE = {"doc": "plan-2015", "section": "二(一)"}
SMALL = {"cpu": 4, "memory": "8Gi", "storage": "100Gi", "pods": 40}
LARGE = {"cpu": 8, "memory": "16Gi", "storage": "200Gi", "pods": 80}
BUREAUS = 18  # as many as the action plan names


def named(item: str, zh: str, en: str, **more: Any) -> dict[str, Any]:
    """An item with a name in both languages."""
    return {"id": item, "zh": zh, "en": en, **more}


def tenant(item: str, kind: str, owner: str, **more: Any) -> dict[str, Any]:
    """A tenant with both contacts and no systems."""
    contacts = [{"role": "technical", "post": "信息科科长"}, {"role": "business", "post": "办公室主任"}]
    names = [{"zh": f"用云单位{item}", "en": f"Tenant {item}"}]
    return {"id": item, "names": names, "kind": kind, "owner": owner, "mlps": 2, "contacts": contacts, **more}


def city() -> dict[str, list[dict[str, Any]]]:
    """Items by document, fresh on every call and free to be changed.

    Bureaus fgw and jtj, area dawa, zones egov and inet, one simulated endpoint `k8s` with a pool in each
    zone, and a tenant for each of the three bodies, with one leaf in pool `k8s-egov`.
    """
    return _bodies() | _plan() | _centre() | _tenants()


def _bodies() -> dict[str, list[dict[str, Any]]]:
    return {
        "bureaus": [
            {"id": "fgw", "names": [{"zh": "市发改委", "en": "Development and Reform Commission"}]},
            {"id": "jtj", "names": [{"zh": "市交通局", "en": "Transport Bureau"}]},
        ],
        "areas": [{"id": "dawa", "names": [{"zh": "大洼区", "en": "Dawa District", "kind": "district"}]}],
    }


def _plan() -> dict[str, list[dict[str, Any]]]:
    return {
        "elements": [
            named(
                "cloud-centre",
                "大数据云计算处理中心",
                "Big-data and cloud computing centre",
                kind="centre",
                horizon="2016",
                lead="fgw",
                coop=["jtj", "AREAS"],
                source=SOURCE,
            )
        ],
        "programmes": [
            named(
                "2016",
                "云盘锦行动计划",
                "Cloud Panjin action plan",
                doc_no="盘政办发〔2015〕113号",
                status="repealed",
                tasks=[
                    named(
                        "T01",
                        "整合资源实现云计算处理",
                        "Pool resources for cloud computing",
                        element="cloud-centre",
                        due="2016-12-31",
                        acceptance=[{"zh": "资源池可用", "en": "Pools are usable", "check": "pools-live"}],
                        source=SOURCE,
                    )
                ],
            )
        ],
    }


def _centre() -> dict[str, list[dict[str, Any]]]:
    supply = {"cpu": 64, "memory": "128Gi", "storage": "2Ti", "pods": 600}
    pool = {"endpoint": "k8s", "supply": supply, "limit_percent": {"cpu": 200, "memory": 100}}
    return {
        "zones": [
            named(
                "egov",
                "公用网络区",
                "Public e-government zone",
                mlps=3,
                databases=True,
                cidrs=["10.10.0.0/16"],
            ),
            named(
                "inet",
                "互联网接入区",
                "Internet access zone",
                mlps=2,
                databases=False,
                cidrs=["10.20.0.0/16"],
            ),
        ],
        "endpoints": [
            named(
                "k8s",
                "模拟底座",
                "Simulated cluster",
                technology="kubernetes",
                state="live",
                access="simulated",
            )
        ],
        "pools": [
            named(
                "k8s-egov", "政务外网容器池", "E-government containers", zone="egov", suffix="egov", **pool
            ),
            named("k8s-inet", "互联网区容器池", "Internet containers", zone="inet", suffix="inet", **pool),
        ],
        "datasets": [named("economy", "经济信息", "Economy", steward=["fgw"], source=SOURCE)],
        "policies": [named("quota.reserve-percent", "预留比例", "Failover reserve", value=10, unit="%")],
        "prices": [named("cpu-month", "处理器单价", "CPU", fen=5000, per="核/月", valid_from="2026-01-01")],
    }


def _tenants() -> dict[str, list[dict[str, Any]]]:
    tenants = [
        tenant("fgw", "bureau", "bureau/fgw", protected=True, platforms=["cloud-centre"]),
        tenant("jtj", "bureau", "bureau/jtj"),
        tenant("dawa", "area", "area/dawa"),
    ]
    baseline: list[dict[str, Any]] = []
    for item in tenants:
        leaf = {"node": f"leaf/k8s/{item['id']}-egov", "tenant": item["id"], "allotted": SMALL}
        baseline += [
            {"node": item["owner"], "pool": "k8s-egov", "limit": LARGE, "guarantee": SMALL},
            {"node": f"tenant/{item['id']}", "pool": "k8s-egov", "limit": LARGE, "guarantee": SMALL},
            {"pool": "k8s-egov", **leaf},
        ]
    return {"tenants": tenants, "baseline": baseline}


def document(kind: str, items: Items) -> str:
    """One declared file as text."""
    content = json.loads(
        json.dumps({"kind": kind, "items": list(items)})
    )  # shared parts would become aliases
    return yaml.dump(content, Dumper=yaml.CSafeDumper, allow_unicode=True, sort_keys=False)


def write_estate(folder: Path, **overrides: Items | str | bytes | None) -> Path:
    """Write the minimal city into `folder`, made if need be, and return it.

    An override replaces a document's items (`bureaus=[...]`; `tenants=[...]` and `programmes=[...]` write a
    file for each item), or the file itself (`bureaus="kind: ..."`, text or bytes), or leaves it out (None).
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, items in {**city(), **overrides}.items():
        if items is None:
            continue
        if isinstance(items, str | bytes):
            content = items if isinstance(items, bytes) else items.encode()
            (folder / f"{name}.yaml").write_bytes(content)
        elif name in ("tenants", "programmes"):
            home = folder if name == "tenants" else folder / "programmes"
            home.mkdir(exist_ok=True)
            for item in items:
                (home / f"{item['id']}.yaml").write_text(document(name.removesuffix("s"), [item]), "utf-8")
        else:
            (folder / f"{name}.yaml").write_text(document(name, items), "utf-8")
    return folder


def _places(items: Mapping[str, Sequence[str]]) -> dict[tuple[str, str], Place]:
    places = {}
    for kind, ids in items.items():
        for number, item in enumerate(ids):
            name, line = (item, 3) if kind == "tenant" else (kind, 3 + number)
            places[(kind, item)] = Place(Path("tenants", f"{name}.yaml"), line, 3)
    return places


def _synthetic_pool(name: str, supply: Mapping[str, int]) -> Pool:
    return Pool(
        id=name,
        zh="政务外网资源池",
        en="E-government pool",
        endpoint=name,
        zone="egov",
        suffix="egov",
        supply=Amounts(supply),
        limit_percent={CPU: 200, MEMORY: 100},
    )


def _synthetic_rows(
    tenants: Sequence[Tenant], bureaus: Sequence[str], pool: str, allotted: Amounts
) -> list[BaselineRow]:
    share = len(tenants) // len(bureaus) + 1
    whole = Amounts({dimension: value * share for dimension, value in allotted.items()})
    rows = [BaselineRow(node=f"bureau/{item}", pool=pool, limit=whole, guarantee=whole) for item in bureaus]
    for item in tenants:
        node, leaf = f"tenant/{item.id}", f"leaf/{pool}/{item.id}-egov"
        rows.append(BaselineRow(node=node, pool=pool, limit=allotted, guarantee=allotted))
        rows.append(BaselineRow(node=leaf, pool=pool, tenant=item.id, allotted=allotted))
    return rows


def _synthetic_tenant(number: int) -> Tenant:
    return Tenant(
        id=f"t{number:05d}",
        names=(DatedName(zh=f"用云单位{number}", en=f"Tenant {number}"),),
        kind="institution",
        owner=f"bureau/b{number % BUREAUS}",
        mlps=2,
        contacts=(
            Contact(role="technical", post="信息科科长"),
            Contact(role="business", post="办公室主任"),
        ),
    )


def synthetic_estate(tenants: int, technology: str = "kubernetes") -> Estate:
    """A city of `tenants` tenants in one pool of one simulated endpoint, without a file on disk.

    Tenant `t00001` hangs below bureau `b1`, number n below `b{n % 18}`; each has one leaf of 4 cores, 8 GiB,
    100 GiB and 40 pods, and every limit holds exactly what lies below it. Pool and endpoint are both called
    `k8s-egov`. With technology `openstack` they are called `os-egov`, and a leaf has 10 volumes and 10 ports
    in place of pods.
    """
    of_pods = technology == "kubernetes"
    name = "k8s-egov" if of_pods else "os-egov"
    bureaus = [f"b{number}" for number in range(BUREAUS)]
    bodies = [_synthetic_tenant(number) for number in range(1, tenants + 1)]
    counted = {PODS: 40} if of_pods else {"volumes": 10, "ports": 10}
    allotted = Amounts({CPU: 4000, MEMORY: 8 * 1024, STORAGE: 100 * 1024, **counted})
    rows = _synthetic_rows(bodies, bureaus, name, allotted)
    pool = _synthetic_pool(name, {d: value * (tenants + BUREAUS) for d, value in allotted.items()})
    zone = Zone(
        id="egov", zh="公用网络区", en="E-government zone", mlps=3, databases=True, cidrs=("10.10.0.0/16",)
    )
    endpoint = Endpoint(
        id=name,
        zh="模拟底座",
        en="Simulated",
        technology=technology,
        state="live",
        access="simulated",
    )
    ids = {
        "bureau": bureaus,
        "zone": ["egov"],
        "endpoint": [name],
        "pool": [name],
        "tenant": [item.id for item in bodies],
        "baseline": [row.key for row in rows],
    }
    return Estate(
        bureaus={
            item: Bureau(id=item, names=(DatedName(zh=f"市{item}", en=f"Bureau {item}"),)) for item in bureaus
        },
        areas={},
        elements={},
        programmes={},
        zones={zone.id: zone},
        endpoints={endpoint.id: endpoint},
        pools={pool.id: pool},
        datasets={},
        policies={},
        prices={},
        tenants={item.id: item for item in bodies},
        baseline={row.key: row for row in rows},
        places=_places(ids),
        digest=f"synthetic-{tenants}",
    )
