"""Amounts, dates and bases as people read them, in Chinese and English.

Used by the rules, the command line and reports; calls Babel for numbers and dates. Promises exact figures: a
value that is not a short fraction of a unit is written in the smaller unit, never rounded.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Final

from babel.dates import format_date
from babel.numbers import format_decimal

from yunjin.errors import Lang, Text
from yunjin.model.amounts import CPU, MEMORY, STORAGE
from yunjin.model.words import WORDS, word

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from yunjin.model.change import Basis

_LOCALE: Final = {"zh": "zh_CN", "en": "en_GB"}
_MILLI: Final = 1000
_BINARY: Final = (("TiB", 1024 * 1024), ("GiB", 1024))
_COUNTERS: Final = {
    "pods": Text("个容器组", "pods"),
    "load-balancers": Text("个负载均衡", "load balancers"),
    "floating-ips": Text("个浮动地址", "floating IPs"),
    "volumes": Text("块云硬盘", "volumes"),
    "ports": Text("个网络端口", "ports"),
}


def number_text(value: Decimal | int, lang: Lang) -> str:
    """A number with thousands apart: `1,200.5`."""
    return format_decimal(value, "#,##0.###", locale=_LOCALE[lang])


def dimension_text(dimension: str) -> Text:
    """What a dimension is called; what follows the slash of `storage/CLASS` and `gpu/MODEL` in brackets."""
    kind, _, variant = dimension.partition("/")
    name = word(kind) if kind in WORDS else Text(kind, kind)
    return Text(f"{name.zh}({variant})", f"{name.en} ({variant})") if variant else name


def amount_text(dimension: str, value: int, lang: Lang) -> str:
    """One amount in base units as people read it: `64 核`, `128 GiB`, `40 个容器组`."""
    kind, _, variant = dimension.partition("/")
    if kind == CPU:
        unit = Text("核", "core" if value == _MILLI else "cores")
        return f"{number_text(Decimal(value) / _MILLI, lang)} {unit.of(lang)}"
    if kind in (MEMORY, STORAGE):
        return _bytes_text(kind, value, lang)
    if kind == "gpu":
        return f"{number_text(value, lang)} {Text('块', 'x').of(lang)} {variant}"
    counter = _COUNTERS.get(kind, Text("个", kind))
    return f"{number_text(value, lang)} {counter.of(lang)}"


def _bytes_text(kind: str, value: int, lang: Lang) -> str:
    for unit, size in _BINARY:
        if value >= size and value % (size // 4) == 0 and not (kind == MEMORY and unit == "TiB"):
            return f"{number_text(Decimal(value) / size, lang)} {unit}"
    return f"{number_text(value, lang)} {'MiB' if value else 'GiB'}"


def amounts_text(amounts: Mapping[str, int], lang: Lang) -> str:
    """All amounts in one line: `64 核, 内存 128 GiB, 存储 1 TiB`; `无` where there are none."""
    if not amounts:
        return Text("无", "none").of(lang)
    return ", ".join(
        f"{dimension_text(dimension).of(lang)} {amount_text(dimension, value, lang)}"
        if dimension.partition("/")[0] in (MEMORY, STORAGE)
        else amount_text(dimension, value, lang)
        for dimension, value in amounts.items()
    )


def date_text(day: date, lang: Lang) -> str:
    """A day: `2026年11月22日`, `22 November 2026`."""
    return format_date(day, "long", locale=_LOCALE[lang])


def basis_text(basis: Basis) -> Text:
    """Document and clause; `本市自定` without one; a clause nobody has read yet says so."""
    if not basis.doc:
        return word("basis.own")
    cited = f"{basis.doc} {basis.clause}".strip()
    return Text(cited, cited) if basis.verified else Text(f"{cited}(待核)", f"{cited} (not yet verified)")
