"""What pydantic found, said in both languages, with what was expected and what to do.

Called by `yunjin.estate.documents`; calls the model for its patterns and fields. Promises a sentence for each
error type; for one that is not known here, pydantic's own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final, get_args

from pydantic import TypeAdapter

from yunjin.errors import Text
from yunjin.model.centre import Access, Bounded, Cidr, Label, LabelValue, PolicyValue
from yunjin.model.declared import Declared, Id, Line
from yunjin.model.organisation import AreaCode
from yunjin.model.programme import TaskId
from yunjin.model.tenants import NodeId

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pydantic_core import ErrorDetails

_SHOWN: Final = 40  # characters of a wrong value that an error repeats
_MANY: Final = 200  # among more names than these no similar one is looked for: it would take too long


@dataclass(frozen=True, slots=True)
class Explanation:
    """An error as people read it."""

    message: Text
    expected: Text | None = None
    remedy: Text | None = None


def explain(error: ErrorDetails, model: type[Declared]) -> Explanation:
    """What one of pydantic's errors means in a document of `model`."""
    say = _SENTENCES.get(error["type"])
    if say is not None:
        return say(error, model)
    english = error["msg"]
    return Explanation(Text(str(error.get("ctx", {}).get("zh", english)), english))


def similar(written: str, names: Sequence[str]) -> Text | None:
    """A hint at the name that was probably meant."""
    close = get_close_matches(written, names, n=1) if len(names) <= _MANY else []
    return Text(f"是否应为 {close[0]}", f"did you mean {close[0]}?") if close else None


def shown(value: object) -> str:
    """A wrong value, as short as an error may repeat it."""
    text = str(value).lower() if isinstance(value, bool) else "null" if value is None else str(value)
    text = " ".join(text.split())
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _missing(error: ErrorDetails, model: type[Declared]) -> Explanation:
    del model
    name = error["loc"][-1]
    return Explanation(Text(f"缺少 {name}", f"{name} is missing"), remedy=Text(f"补上 {name}", f"add {name}"))


def _unknown(error: ErrorDetails, model: type[Declared]) -> Explanation:
    name, known = str(error["loc"][-1]), _fields_at(model, error["loc"][:-1])
    return Explanation(
        Text(f"没有 {shown(name)} 这个字段", f"there is no field {shown(name)}"),
        expected=Text(", ".join(known), ", ".join(known)) if known else None,
        remedy=similar(name, known) or Text("删除这个字段", "remove the field"),
    )


def _text(error: ErrorDetails, model: type[Declared]) -> Explanation:
    del model
    value = error["input"]
    quote = None
    if isinstance(value, int | float):
        quote = Text(f'加上引号: "{shown(value)}"', f'quote it: "{shown(value)}"')
    return Explanation(_not(value, "文字", "text"), Text("文字", "text"), quote)


def _of_type(zh: str, en: str, remedy: Text | None = None) -> Callable[..., Explanation]:
    def say(error: ErrorDetails, model: type[Declared]) -> Explanation:
        del model
        return Explanation(_not(error["input"], zh, en), Text(zh, en), remedy)

    return say


def _not(value: object, zh: str, en: str) -> Text:
    if isinstance(value, dict):
        return Text(f"此处不能是映射, 应为{zh}", f"a mapping where {en} is expected")
    if isinstance(value, list):
        return Text(f"此处不能是列表, 应为{zh}", f"a list where {en} is expected")
    return Text(f"{shown(value)} 不是{zh}", f"{shown(value)} is not {en}")


def _choice(error: ErrorDetails, model: type[Declared]) -> Explanation:
    del model
    value = error["input"]
    choices = re.findall(r"'([^']*)'", str(error.get("ctx", {}).get("expected", "")))
    expected = Text("、".join(choices), ", ".join(choices))
    remedy = similar(str(value), choices)
    if not isinstance(value, str) and str(value) in choices:
        remedy = Text(f'加上引号: "{value}"', f'quote it: "{value}"')
    return Explanation(
        Text(f"{shown(value)} 不在可选值之内", f"{shown(value)} is not one of the choices"), expected, remedy
    )


def _pattern(error: ErrorDetails, model: type[Declared]) -> Explanation:
    del model
    pattern = str(error.get("ctx", {}).get("pattern", ""))
    expected = _PATTERNS.get(pattern, Text(f"形如 {pattern}", f"matching {pattern}"))
    value = shown(error["input"])
    return Explanation(Text(f"{value} 的写法不对", f"{value} is not well formed"), expected)


def _bound(zh: str, en: str, key: str) -> Callable[..., Explanation]:
    def say(error: ErrorDetails, model: type[Declared]) -> Explanation:
        del model
        bound = error.get("ctx", {}).get(key)
        value = shown(error["input"])
        expected = Text(f"{zh} {bound}", f"{en} {bound}")
        return Explanation(Text(f"{value} 超出范围", f"{value} is out of range"), expected)

    return say


def _length(zh: str, en: str, key: str) -> Callable[..., Explanation]:
    def say(error: ErrorDetails, model: type[Declared]) -> Explanation:
        del model
        bound = error.get("ctx", {}).get(key)
        expected = Text(zh.format(bound), en.format(bound))
        return Explanation(Text("长度不符", "the length is wrong"), expected)

    return say


def _amount(zh: str, en: str) -> Callable[..., Explanation]:
    def say(error: ErrorDetails, model: type[Declared]) -> Explanation:
        del model
        context: dict[str, Any] = error.get("ctx", {})
        written, dimension = shown(error["input"]), context["dimension"]
        example = context["expected"].replace(" or ", ", ")
        return Explanation(
            Text(zh.format(written, dimension), en.format(written, dimension)),
            expected=Text(
                f"不小于零的整数, 例如 {example}", f"a whole amount from zero up, such as {example}"
            ),
            remedy=Text("改写为带正确单位的整数", "write a whole number with the right unit"),
        )

    return say


def _dimension(error: ErrorDetails, model: type[Declared]) -> Explanation:
    del model
    name = str(error["input"] if error["loc"][-1] == "[key]" else error["loc"][-1])
    return Explanation(
        Text(f"没有 {shown(name)} 这种资源", f"there is no resource called {shown(name)}"),
        expected=Text(", ".join(_DIMENSIONS), ", ".join(_DIMENSIONS)),
        remedy=similar(name, _DIMENSIONS) or Text("删除这一项", "remove it"),
    )


def _fields_at(model: type[Declared], steps: Sequence[int | str]) -> tuple[str, ...]:
    """Names of the fields that a mapping at `steps` may have."""
    found = [model]
    for step in (step for step in steps if isinstance(step, str)):
        fields = {info.alias or name: info for part in found for name, info in part.model_fields.items()}
        found = _models_in(fields[step].annotation) if step in fields else []
    return tuple(info.alias or name for part in found for name, info in part.model_fields.items())


def _models_in(annotation: Any) -> list[type[Declared]]:
    if isinstance(annotation, type) and issubclass(annotation, Declared):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models_in(part)]


def _pattern_of(kind: Any) -> str:
    return str(TypeAdapter(kind).json_schema()["pattern"])


_DIMENSIONS: Final = (
    "cpu",
    "memory",
    "storage",
    "pods",
    "load-balancers",
    "floating-ips",
    "volumes",
    "ports",
    "storage/CLASS",
    "gpu/MODEL",
)
_PATTERNS: Final = {
    _pattern_of(Id): Text("小写字母、数字和连字符, 最长 50 位", "a-z, 0-9 and inner hyphens, 50 at most"),
    _pattern_of(Line): Text("一行文字", "one line of text"),
    _pattern_of(NodeId): Text(
        "bureau/ID, area/ID, tenant/ID 或 leaf/ENDPOINT/NAME",
        "bureau/ID, area/ID, tenant/ID or leaf/ENDPOINT/NAME",
    ),
    _pattern_of(Cidr): Text("IPv4 网段, 例如 10.10.0.0/16", "an IPv4 range such as 10.10.0.0/16"),
    _pattern_of(Access): Text(
        "simulated, env:NAME 或 file:PATH, 可加 #CONTEXT",
        "simulated, env:NAME or file:PATH, with #CONTEXT where needed",
    ),
    _pattern_of(Bounded): Text("cpu 或 memory", "cpu or memory"),
    _pattern_of(Label): Text(
        "Kubernetes 标签名, 例如 yunjin/pool", "the name of a Kubernetes label, such as yunjin/pool"
    ),
    _pattern_of(LabelValue): Text(
        "字母、数字开头和结尾, 其间可用 . _ -, 最长 63 位",
        "letters and digits, with . _ - between them, 63 at most",
    ),
    _pattern_of(TaskId): Text("T 加两位数字, 例如 T01", "T and two digits, such as T01"),
    _pattern_of(AreaCode.model_fields["code"].rebuild_annotation()): Text("六位数字", "six digits"),
    _pattern_of(PolicyValue.model_fields["id"].rebuild_annotation()): Text(
        "小写字母开头, 其后可用数字、点和连字符", "a-z first, then also digits, dots and hyphens"
    ),
}
_DATE: Final = _of_type(
    "日期 (YYYY-MM-DD)", "a date (YYYY-MM-DD)", Text("写成 2026-11-22 的形式", "write it as 2026-11-22")
)
_SENTENCES: Final[dict[str, Callable[[ErrorDetails, type[Declared]], Explanation]]] = {
    "missing": _missing,
    "extra_forbidden": _unknown,
    "string_type": _text,
    "string_pattern_mismatch": _pattern,
    "string_too_short": _length("至少 {} 个字符", "at least {} characters", "min_length"),
    "string_too_long": _length("最多 {} 个字符", "at most {} characters", "max_length"),
    "too_short": _length("至少 {} 项", "at least {} entries", "min_length"),
    "too_long": _length("最多 {} 项", "at most {} entries", "max_length"),
    "int_type": _of_type("整数", "a whole number"),
    "int_from_float": _of_type("整数", "a whole number"),
    "bool_type": _of_type("true 或 false", "true or false"),
    "date_type": _DATE,
    "date_parsing": _DATE,
    "date_from_datetime_parsing": _DATE,
    "dict_type": _of_type("映射 (键: 值)", "a mapping (key: value)"),
    "model_type": _of_type("映射 (键: 值)", "a mapping (key: value)"),
    "tuple_type": _of_type("列表", "a list"),
    "literal_error": _choice,
    "greater_than_equal": _bound("不小于", "at least", "ge"),
    "less_than_equal": _bound("不大于", "at most", "le"),
    "amount_dimension": _dimension,
    "amount_unit": _amount("{0} 不是 {1} 的数量", "{0} is not an amount of {1}"),
    "amount_negative": _amount("{1} 的数量 {0} 为负", "{0} of {1} is negative"),
    "amount_overflow": _amount("{1} 的数量 {0} 过大", "{0} of {1} is more than can be counted"),
}
