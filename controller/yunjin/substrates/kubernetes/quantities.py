"""Kubernetes quantities: exact values, canonical text, and the way to and from amounts.

Called by `standard` (amounts to `spec.hard`), `compare` (canonical text) and `translate` (`spec.hard` to
amounts). Calls `yunjin.model.amounts`. Promises that two quantities have one canonical text exactly when
they are the same number, and that a written amount is the very text the API server keeps.
"""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from yunjin.model.amounts import CPU, MEMORY, MOST, PODS, STORAGE, Amounts, known

if TYPE_CHECKING:
    from collections.abc import Mapping

_BINARY: Final = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")
_DECIMAL: Final = ("n", "u", "m", "", "k", "M", "G", "T", "P", "E")
_SCALE: Final = {
    **{suffix: Fraction(1024) ** power for power, suffix in enumerate(_BINARY)},
    **{suffix: Fraction(1000) ** (power - 3) for power, suffix in enumerate(_DECIMAL)},
}
_QUANTITY: Final = re.compile(
    r"([+-]?)(\d{1,40}(?:\.\d{0,40})?|\.\d{1,40})(?:(Ki|Mi|Gi|Ti|Pi|Ei|[numkMGTPE])|[eE]([+-]?\d{1,2}))?",
    re.ASCII,
)
_CLASS_SUFFIX: Final = ".storageclass.storage.k8s.io/requests.storage"

# What the device plugins of the makers call their cards. A model not listed is counted as NVIDIA's.
ACCELERATORS: Final = {
    "nvidia": "nvidia.com/gpu",
    "amd": "amd.com/gpu",
    "ascend310": "huawei.com/Ascend310",
    "ascend910": "huawei.com/Ascend910",
    "dcu": "hygon.com/dcu",
    "mlu": "cambricon.com/mlu",
}
_MODEL_OF: Final = {f"requests.{resource}": f"gpu/{model}" for model, resource in ACCELERATORS.items()}
# Kubernetes reads `cpu` in a quota as `requests.cpu`: the tighter of both is what a tenant feels.
ALIASES: Final = {"cpu": "requests.cpu", "memory": "requests.memory"}
_PLAIN: Final = {
    "requests.cpu": CPU,
    "cpu": CPU,
    "requests.memory": MEMORY,
    "memory": MEMORY,
    "requests.storage": STORAGE,
    "pods": PODS,
    "services.loadbalancers": "load-balancers",
    "persistentvolumeclaims": "volumes",
}
# Deny by default: what no record grants stands as 0, or the tenant could take without end.
_NOTHING: Final = {
    "limits.cpu": "0",
    "limits.memory": "0",
    "pods": "0",
    "requests.cpu": "0",
    "requests.memory": "0",
    "requests.storage": "0",
    "services.loadbalancers": "0",
    "services.nodeports": "0",
    **dict.fromkeys(_MODEL_OF, "0"),
}


@lru_cache(maxsize=8192)
def value(text: str) -> Fraction:
    """The exact number behind a quantity.

    Raises:
        ValueError: no quantity.
    """
    match = _QUANTITY.fullmatch(text)
    if match is None:
        raise ValueError(f"{text[:80]!r} is not a quantity")
    sign, digits, suffix, exponent = match.groups()
    number = Fraction(digits) * (_SCALE[suffix] if suffix else Fraction(10) ** int(exponent or 0))
    return -number if sign == "-" else number


@lru_cache(maxsize=8192)
def canonical(text: str, *, binary: bool) -> str:
    """One text for one number: `8000m` and `8` give `8`, `8192Mi` gives `8Gi`. Other text stays as it is."""
    try:
        number = value(text)
    except ValueError:
        return text
    if number.denominator == 1:
        return _shortest(int(number), 1024, _BINARY) if binary else str(number)
    for suffix in ("m", "u", "n"):
        scaled = number / _SCALE[suffix]
        if scaled.denominator == 1:
            return f"{scaled}{suffix}"
    return str(number)


def is_binary(resource: str) -> bool:
    """Whether a resource is counted in bytes."""
    return resource.endswith((MEMORY, STORAGE))


def hard(allotted: Amounts, limit_percent: Mapping[str, int]) -> dict[str, str]:
    """`spec.hard` of a quota, as the API server keeps it.

    Args:
        allotted: what the leaf may use.
        limit_percent: what `limits.*` may be of `requests.*`; 100 where nothing is said.
    """
    granted = dict(_NOTHING)
    cards: dict[str, int] = {}
    for dimension, amount in allotted.items():
        if dimension in (CPU, MEMORY):
            write = cpu if dimension == CPU else mebibytes
            granted[f"requests.{dimension}"] = write(amount)
            granted[f"limits.{dimension}"] = write(amount * limit_percent.get(dimension, 100) // 100)
        elif dimension == STORAGE:
            granted["requests.storage"] = mebibytes(amount)
        elif dimension.startswith("storage/"):
            granted[f"{dimension[8:]}{_CLASS_SUFFIX}"] = mebibytes(amount)
        elif dimension.startswith("gpu/"):
            resource = f"requests.{ACCELERATORS.get(dimension[4:], ACCELERATORS['nvidia'])}"
            cards[resource] = cards.get(resource, 0) + amount
        elif dimension == PODS:
            granted["pods"] = count(amount)
        elif dimension == "load-balancers":
            granted["services.loadbalancers"] = count(amount)
        elif dimension == "volumes":
            granted["persistentvolumeclaims"] = count(amount)
    for resource, amount in cards.items():
        granted[resource] = count(amount)
    return granted


def amounts(quantities: Mapping[str, Any]) -> Amounts:
    """Amounts of a `hard` or `used` map, rounded up to base units; what Yunjin does not count is left out.

    Where a quota bounds one dimension twice (`cpu` and `requests.cpu`), the tighter bound is in force.
    """
    found: dict[str, int] = {}
    for resource, text in quantities.items():
        counted = _counted(resource, str(text))
        if counted is not None:
            dimension, amount = counted
            found[dimension] = min(amount, found.get(dimension, amount))
    return Amounts(found)


@lru_cache(maxsize=8192)
def _counted(resource: str, text: str) -> tuple[str, int] | None:
    """Dimension and amount of one entry; None where Yunjin does not count it."""
    dimension = dimension_of(resource)
    if dimension is None:
        return None
    try:
        number = value(text)
    except ValueError:
        return None
    return dimension, min(MOST, max(0, in_base_units(dimension, number)))


def dimension_of(resource: str) -> str | None:
    """The dimension a quota's resource counts; None for one that Yunjin does not count."""
    dimension = _PLAIN.get(resource) or _MODEL_OF.get(resource)
    if dimension is None and resource.endswith(_CLASS_SUFFIX):
        dimension = f"storage/{resource.removesuffix(_CLASS_SUFFIX)}"
    return dimension if dimension is not None and known(dimension) else None


def in_base_units(dimension: str, number: Fraction) -> int:
    """Cores to millicores, bytes to MiB, counts as they are; upwards."""
    if dimension == CPU:
        return -(-number * 1000 // 1)
    if is_binary(dimension) or dimension.startswith("storage/"):
        return -(-number // 2**20)
    return -(-number // 1)


def cpu(millicores: int) -> str:
    """`4`, `500m`, `2k`."""
    return _shortest(millicores, 1000, _DECIMAL[2:])


def mebibytes(amount: int) -> str:
    """`512Mi`, `8Gi`, `0`."""
    return _shortest(amount, 1024, _BINARY[2:]) if amount else "0"


def count(number: int) -> str:
    """`110`, `2k`."""
    return _shortest(number, 1000, _DECIMAL[3:])


def _shortest(number: int, base: int, suffixes: tuple[str, ...]) -> str:
    power = 0
    while number and number % base == 0 and power < len(suffixes) - 1:
        number //= base
        power += 1
    return f"{number}{suffixes[power]}" if number else "0"
