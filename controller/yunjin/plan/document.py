"""Plans as text: what `yunjin plan --out` writes, what the state database keeps, what approval names by hash.

Called by `yunjin.engine` and `yunjin.apply`. Calls `schema` to check what it reads. Promises that
`from_json(to_json(plan)) == plan`, that equal plans give equal text whatever made them, and that a file which
is no plan, or half of one, is refused with the place in it.

The form is JSON with sorted keys, one change a line. `format` and `version` come first; a reader refuses
versions it does not know.
"""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from yunjin.errors import Text, UsageError
from yunjin.plan.schema import Document

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from yunjin.model.change import Binding, Change, Extra, Held, Plan
    from yunjin.model.resources import Key

FORMAT: Final = "yunjin/plan"
VERSION: Final = 1
MOST_BYTES: Final = 2**28
"""Of a plan's text. 10,000 tenants made from nothing take a quarter of it."""

_REMEDY: Final = Text("给出 yunjin plan --out 写出的文件", "give a file that yunjin plan --out wrote")


def to_json(plan: Plan) -> str:
    """The plan as text, with a line break at its end."""
    bindings = {name: _binding(binding) for name, binding in plan.bindings.items()}
    return "".join(_lines(plan, bindings))


def plan_hash(plan: Plan) -> str:
    """Hexadecimal sha256 of what the plan says.

    When the endpoints were read is left out, whether they could be is not: the same plan made again has the
    same hash.
    """
    seen = {
        name: {**_binding(binding), "observed_at": binding.observed_at is not None}
        for name, binding in plan.bindings.items()
    }
    digest = sha256()
    for line in _lines(plan, seen):
        digest.update(line.encode())
    return digest.hexdigest()


def from_json(text: str | bytes) -> Plan:
    """The plan behind a text.

    Raises:
        UsageError: too long, not a plan, not whole, or of a version this Yunjin does not know.
    """
    if len(text) > MOST_BYTES:
        raise UsageError(Text("变更方案过大", "the plan is too long"), _REMEDY)
    try:
        return Document.model_validate_json(text).value()
    except ValidationError as error:
        raise _wrong(error) from error


def _wrong(error: ValidationError) -> UsageError:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    if where == "version":
        return UsageError(
            Text(f"变更方案的格式版本不是 {VERSION}", f"the plan's format is not version {VERSION}"),
            Text("用当前版本的云锦重新执行 yunjin plan", "run yunjin plan again with this Yunjin"),
        )
    if first["type"] == "json_invalid":
        return UsageError(
            Text(
                f"变更方案不完整或不是 JSON: {first['msg']}",
                f"the plan is not whole, or not JSON: {first['msg']}",
            ),
            _REMEDY,
        )
    return UsageError(
        Text(f"不是变更方案: {where} {first['msg']}", f"this is no plan: {where}: {first['msg']}"), _REMEDY
    )


def _lines(plan: Plan, bindings: Mapping[str, Any]) -> Iterator[str]:
    head = {
        "as_of": plan.as_of.isoformat(),
        "estate": plan.estate,
        "bindings": bindings,
        "unchanged": plan.unchanged,
        "leaves": plan.leaves,
    }
    yield f'{{"format":{_dump(FORMAT)},"version":{VERSION}'
    for name, value in head.items():
        yield f',\n"{name}":{_dump(value)}'
    for name, parts in (
        ("held", map(_held, plan.held)),
        ("extras", map(_extra, plan.extras)),
        ("changes", map(_change, plan.changes)),
    ):
        yield f',\n"{name}":['
        for number, part in enumerate(parts):
            yield f"{',' if number else ''}\n{_dump(part)}"
        yield "]"
    yield "}\n"


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _text(text: Text) -> dict[str, str]:
    return {"zh": text.zh, "en": text.en}


def _moment(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _key(key: Key) -> dict[str, str]:
    return {"endpoint": key.endpoint, "namespace": key.namespace, "kind": key.kind, "name": key.name}


def _binding(binding: Binding) -> dict[str, Any]:
    failure = binding.failure
    return {
        "technology": binding.technology,
        "access": binding.access,
        "observed_at": _moment(binding.observed_at),
        "failure": None
        if failure is None
        else {
            "code": failure.code,
            "message": _text(failure.message),
            "remedy": _text(failure.remedy) if failure.remedy else None,
        },
    }


def _held(held: Held) -> dict[str, Any]:
    return {
        "endpoint": held.endpoint,
        "leaf": held.leaf,
        "tenant": held.tenant,
        "hold": held.hold,
        "reason": _text(held.reason),
    }


def _extra(extra: Extra) -> dict[str, Any]:
    return {
        "key": _key(extra.key),
        "object_class": extra.object_class,
        "tenant": extra.tenant,
        "manager": extra.manager,
        "since": _moment(extra.since),
    }


def _change(change: Change) -> dict[str, Any]:
    return {
        "action": change.action,
        "key": _key(change.key),
        "tenant": change.tenant,
        "object_class": change.object_class,
        "rank": change.rank,
        "before": change.before,
        "after": change.after,
        "differences": [
            {
                "path": difference.path,
                "wanted": difference.wanted,
                "observed": difference.observed,
                "manager": difference.manager,
                "since": _moment(difference.since),
            }
            for difference in change.differences
        ],
        "body": change.body,
        "force": change.force,
        "confirm": change.confirm,
        "loose": change.loose,
        "awaits": None if change.awaits is None else _key(change.awaits),
    }
