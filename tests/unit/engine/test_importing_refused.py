"""What cannot be taken over, and what an operator says wrong: nothing is declared of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from spines import POOL, City, home
from takings import CLOUD_POOL, HARD, KNOWN, LEGACY, beside_a_cloud, stand, take
from yunjin.engine import importing, standing
from yunjin.engine.endpoints import CLOUDS
from yunjin.errors import ConflictError, DeclaredErrors, UsageError
from yunjin.model.resources import Key

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _legacy(town: City) -> None:
    stand(town, LEGACY, HARD)


def _owner(**fields: Any) -> importing.Owner:
    return replace(KNOWN, **fields)


def test_several_quotas_are_refused(town: City) -> None:
    stand(town, "twice", HARD, {"pods": "5"})
    with pytest.raises(UsageError, match="several quotas: compute, compute-1"):
        take(town, "twice")


@pytest.mark.parametrize(
    "scope",
    [
        {"scopes": ["NotTerminating"]},
        {"scopeSelector": {"matchExpressions": [{"scopeName": "BestEffort", "operator": "Exists"}]}},
    ],
    ids=lambda scope: next(iter(scope)),
)
def test_a_quota_that_bounds_only_some_pods_is_refused(town: City, scope: dict[str, Any]) -> None:
    stand(town, "partly", HARD)
    quota = Key(town.estate().pools[POOL].endpoint, "partly", "ResourceQuota", "compute")
    town.people.edit(quota, {("spec", name): value for name, value in scope.items()}, "terraform")
    (field,) = scope
    before = _files(town)
    with pytest.raises(UsageError, match=f"compute of the namespace partly bounds only .*{field}") as caught:
        take(town, "partly")
    assert f"spec.{field}" in (caught.value.remedy.zh if caught.value.remedy else "")
    assert _files(town) == before


def test_what_is_declared_already_is_refused(town: City) -> None:
    take(town)
    with pytest.raises(UsageError, match="declared already"):
        take(town)
    with pytest.raises(UsageError, match="declared already"):
        take(town, "jtj-egov", "jtj")


def test_a_namespace_that_is_not_there_is_refused(town: City) -> None:
    with pytest.raises(UsageError, match="has no namespace"):
        take(town, "nowhere")


def test_a_namespace_of_another_endpoint_is_refused(town: City) -> None:
    stand(town, "elsewhere", **{"yunjin/endpoint": "k8s-inet"})
    with pytest.raises(UsageError, match="belongs to endpoint k8s-inet"):
        take(town, "elsewhere")


def test_a_namespace_that_is_going_is_refused(town: City) -> None:
    town.people.delay(removal=3600)
    town.people.remove(home(LEGACY))
    with pytest.raises(UsageError, match="being removed"):
        take(town)


@pytest.mark.parametrize(
    ("tenant", "owner", "field"),
    [
        ("Bus_Company", {}, "id"),
        ("bus", {"node": "jtj"}, "owner"),
        ("bus", {"mlps": 6}, "mlps"),
        ("bus", {"technical": "科长\n主任"}, "contacts.0.post"),
        ("bus", {"zh": "长" * 500}, "names.0.zh"),
    ],
)
def test_what_an_operator_says_wrong_names_the_field(
    town: City, tenant: str, owner: dict[str, Any], field: str
) -> None:
    before = _files(town)
    with pytest.raises(UsageError, match=rf"^{field}: ") as caught:
        take(town, tenant=tenant, owner=_owner(**owner))
    assert len(caught.value.message.zh) < 200
    assert _files(town) == before


def test_a_bureau_that_nobody_declares_leaves_the_files_as_they_were(town: City) -> None:
    before = _files(town)
    with pytest.raises(DeclaredErrors):
        take(town, owner=_owner(node="bureau/nobody"))
    assert _files(town) == before


def test_an_id_that_names_another_document_is_refused(town: City) -> None:
    before = _files(town)
    with pytest.raises(ConflictError):
        take(town, tenant="baseline")
    assert _files(town) == before


def _files(city: City) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in city.tenants.rglob("*.yaml")}


def test_a_pool_of_the_other_technology_names_the_right_command(tmp_path: Path) -> None:
    city = City(tmp_path / "beside", **beside_a_cloud())
    estate = city.estate()
    with pytest.raises(UsageError, match="pool os-egov holds projects, not namespaces") as caught:
        standing.require_technology(estate, estate.pools[CLOUD_POOL], "kubernetes")
    assert caught.value.remedy is not None
    assert "yunjin import openstack --project" in caught.value.remedy.zh
    with pytest.raises(UsageError, match="pool k8s-egov holds namespaces, not projects") as caught:
        standing.require_technology(estate, estate.pools[POOL], CLOUDS)
    assert caught.value.remedy is not None
    assert "yunjin import kubernetes" in caught.value.remedy.zh
    city.close()
