"""What the API server makes of an object before it keeps it: defaults, canonical quantities, checks.

Called by `server`. Calls `yunjin.substrates.kubernetes.quantities` for the exact numbers. Pure. Promises that
what is kept reads as a real server would answer it (`8000m` as `8`, `2000` as `2k`, `1.5Gi` as `1536Mi`).
"""

from __future__ import annotations

import re
from math import ceil
from typing import TYPE_CHECKING, Any, Final

from yunjin.substrates.kubernetes import quantities

if TYPE_CHECKING:
    from collections.abc import Mapping
    from fractions import Fraction

    from yunjin.model.resources import Body

NAMESPACE_LABEL: Final = "kubernetes.io/metadata.name"
MOST_BYTES: Final = 3 * 2**19  # an object of the real store is at most 1.5 MiB

_LABEL: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_PATH_SEGMENT: Final = re.compile(r"[^/%\x00-\x1f]{1,253}")
_SUBDOMAIN: Final = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
_LABEL_VALUE: Final = re.compile(r"([A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?")
_LABEL_KEY: Final = re.compile(
    r"([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?"
)
_RBAC: Final = frozenset({"ClusterRole", "RoleBinding"})
_OMITTED: Final = frozenset({"ingress", "egress"})  # a policy without rules is read back without the lists
_BINARY: Final = ("Ki", "Mi", "Gi", "Ti", "Pi", "Ei")
_DECIMAL: Final = ("n", "u", "m", "", "k", "M", "G", "T", "P", "E")
_NANO: Final = 10**9


class InvalidObjectError(Exception):
    """The server would answer 422."""


def admit(body: Body, live: Body | None) -> Body:
    """`body` as it is kept, given the object that it replaces (None for a new one).

    Raises:
        InvalidObjectError: a name or an amount that cannot be, or a change of what cannot change.
    """
    kind, metadata = body["kind"], body["metadata"]
    _check_name(kind, str(metadata["name"]))
    _check_labels(metadata.get("labels") or {})
    if kind == "RoleBinding" and live is not None and live.get("roleRef") != body.get("roleRef"):
        raise InvalidObjectError("roleRef: field is immutable")
    if kind == "Namespace":
        labels = {**(metadata.get("labels") or {}), NAMESPACE_LABEL: metadata["name"]}
        active = {"spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"}}
        return {**active, **body, "metadata": {**metadata, "labels": labels}}
    spec = body.get("spec")
    if kind == "NetworkPolicy" and spec:
        kept = {name: value for name, value in spec.items() if value != [] or name not in _OMITTED}
        return {**body, "spec": kept}
    if kind == "ResourceQuota" and spec and "hard" in spec:
        body = {"status": {}, **body, "spec": {**spec, "hard": _resources(spec["hard"])}}
    elif kind == "LimitRange" and spec and "limits" in spec:
        body = {**body, "spec": {**spec, "limits": [_limit(item) for item in spec["limits"]]}}
    return body


def _check_name(kind: str, name: str) -> None:
    allowed = _LABEL if kind == "Namespace" else _PATH_SEGMENT if kind in _RBAC else _SUBDOMAIN
    if not allowed.fullmatch(name):
        raise InvalidObjectError(f"metadata.name: {name[:80]!r} is not a name")


def _check_labels(labels: Mapping[str, Any]) -> None:
    for key, text in labels.items():
        if not _LABEL_KEY.fullmatch(key) or not _LABEL_VALUE.fullmatch(str(text)):
            raise InvalidObjectError(f"metadata.labels: {key[:80]!r}: {str(text)[:80]!r} is not a label")


def _limit(item: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _resources(value) if isinstance(value, dict) else value for name, value in item.items()}


def _resources(amounts: Mapping[str, Any]) -> dict[str, str]:
    return {resource: canonical(str(text)) for resource, text in amounts.items()}


def canonical(text: str) -> str:
    """A quantity as the server writes it back; the unit it was written in decides on 1024 or 1000.

    Raises:
        InvalidObjectError: no quantity, or a negative one.
    """
    try:
        number = quantities.value(text)
    except ValueError as error:
        raise InvalidObjectError(str(error)) from error
    if number < 0:
        raise InvalidObjectError(f"{text[:80]!r} must be greater than or equal to 0")
    if text.endswith("i") and number >= 1024:  # noqa: PLR2004 (below one Ki the server writes plain digits)
        return _written(ceil(number), 1024, ("", *_BINARY))
    return _decimal(number)


def _decimal(number: Fraction) -> str:
    return _written(ceil(number * _NANO), 1000, _DECIMAL)


def _written(number: int, base: int, suffixes: tuple[str, ...]) -> str:
    if not number:
        return "0"
    power = 0
    while number % base == 0 and power < len(suffixes) - 1:
        number //= base
        power += 1
    return f"{number}{suffixes[power]}"
