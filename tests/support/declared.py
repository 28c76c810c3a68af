"""A city in memory: the data of `estates.city()` as an Estate, without a file.

Used by tests of rules; calls the model alone, so that a test may also declare what the loader would refuse.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from estates import Items, city
from yunjin.errors import Place
from yunjin.model.centre import DataSet, Endpoint, PolicyValue, Pool, Price, Zone
from yunjin.model.estate import Estate
from yunjin.model.organisation import Area, Bureau
from yunjin.model.programme import Element, Programme
from yunjin.model.tenants import BaselineRow, Tenant

if TYPE_CHECKING:
    from collections.abc import Mapping

    from yunjin.model.declared import Declared

KINDS: Mapping[str, tuple[str, type[Declared]]] = {
    "bureaus": ("bureau", Bureau),
    "areas": ("area", Area),
    "elements": ("element", Element),
    "programmes": ("programme", Programme),
    "zones": ("zone", Zone),
    "endpoints": ("endpoint", Endpoint),
    "pools": ("pool", Pool),
    "datasets": ("dataset", DataSet),
    "policies": ("policy", PolicyValue),
    "prices": ("price", Price),
    "tenants": ("tenant", Tenant),
    "baseline": ("baseline", BaselineRow),
}


def declared(**overrides: Items) -> Estate:
    """The minimal city with whole documents replaced; item n of a document stands on line n + 1."""
    documents: dict[str, Any] = {}
    places: dict[tuple[str, str], Place] = {}
    for document, items in {**city(), **overrides}.items():
        kind, model = KINDS[document]
        documents[document] = {}
        for number, item in enumerate(items):
            parsed: Any = model.model_validate(item)
            key = parsed.key if isinstance(parsed, BaselineRow) else parsed.id
            documents[document][key] = parsed
            places[(kind, key)] = Place(Path("tenants", f"{document}.yaml"), number + 1, 3)
    return Estate(**documents, places=places, digest="in-memory")
