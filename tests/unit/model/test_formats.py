"""Amounts, dates and bases as people read them."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yunjin.errors import Text
from yunjin.model.amounts import MOST, Amounts
from yunjin.model.change import Basis
from yunjin.model.formats import (
    amount_text,
    amounts_text,
    basis_text,
    date_text,
    dimension_text,
    number_text,
)

GIB, TIB = 1024, 1024 * 1024


@pytest.mark.parametrize(
    ("dimension", "value", "zh", "en"),
    [
        ("cpu", 64_000, "64 核", "64 cores"),
        ("cpu", 1_000, "1 核", "1 core"),
        ("cpu", 500, "0.5 核", "0.5 cores"),
        ("cpu", 1, "0.001 核", "0.001 cores"),
        ("cpu", 0, "0 核", "0 cores"),
        ("cpu", 1_200_000, "1,200 核", "1,200 cores"),
        ("memory", 8 * GIB, "8 GiB", "8 GiB"),
        ("memory", 512, "512 MiB", "512 MiB"),
        ("memory", GIB + 512, "1.5 GiB", "1.5 GiB"),
        ("memory", GIB + 1, "1,025 MiB", "1,025 MiB"),
        ("memory", 2 * TIB, "2,048 GiB", "2,048 GiB"),
        ("memory", 0, "0 GiB", "0 GiB"),
        ("storage", 2 * TIB, "2 TiB", "2 TiB"),
        ("storage", 500 * GIB, "500 GiB", "500 GiB"),
        ("storage", TIB + 256 * GIB, "1.25 TiB", "1.25 TiB"),
        ("storage/ssd", 100 * GIB, "100 GiB", "100 GiB"),
        ("pods", 40, "40 个容器组", "40 pods"),
        ("floating-ips", 2, "2 个浮动地址", "2 floating IPs"),
        ("gpu/a100", 2, "2 块 a100", "2 x a100"),
    ],
)
def test_amounts(dimension: str, value: int, zh: str, en: str) -> None:
    assert amount_text(dimension, value, "zh") == zh
    assert amount_text(dimension, value, "en") == en


UNITS = {"核": 1, "MiB": 1, "GiB": GIB, "TiB": TIB}


@given(st.sampled_from(["cpu", "memory", "storage"]), st.integers(0, MOST))
def test_no_amount_is_rounded(dimension: str, value: int) -> None:
    match = re.fullmatch(r"([\d,.]+) (核|MiB|GiB|TiB)", amount_text(dimension, value, "zh"))
    assert match
    read = Decimal(match[1].replace(",", "")) * UNITS[match[2]]

    assert read == (Decimal(value) / 1000 if dimension == "cpu" else value)


def test_a_line_of_amounts_names_what_gib_is_of() -> None:
    amounts = Amounts({"cpu": 4_000, "memory": 8 * GIB, "storage": TIB, "storage/ssd": 10 * GIB})

    assert amounts_text(amounts, "zh") == "4 核, 内存 8 GiB, 存储 1 TiB, 存储(ssd) 10 GiB"
    assert amounts_text(amounts, "en") == "4 cores, memory 8 GiB, storage 1 TiB, storage (ssd) 10 GiB"


def test_no_amounts() -> None:
    assert (amounts_text(Amounts(), "zh"), amounts_text(Amounts(), "en")) == ("无", "none")


def test_dimensions() -> None:
    assert dimension_text("memory") == Text("内存", "memory")
    assert dimension_text("storage/ssd") == Text("存储(ssd)", "storage (ssd)")
    assert dimension_text("gpu/a100") == Text("图形处理器(a100)", "GPU (a100)")


def test_days() -> None:
    assert date_text(date(2026, 11, 22), "zh") == "2026年11月22日"
    assert date_text(date(2026, 1, 2), "zh") == "2026年1月2日"
    assert date_text(date(2026, 1, 2), "en") == "2 January 2026"


def test_numbers() -> None:
    assert number_text(1_234_567, "zh") == "1,234,567"
    assert number_text(Decimal("0.25"), "en") == "0.25"


def test_bases() -> None:
    assert basis_text(Basis()) == Text("本市自定", "set by the city itself")
    assert basis_text(Basis("文件", "一(二)", verified=True)) == Text("文件 一(二)", "文件 一(二)")
    assert basis_text(Basis("文件", "一")) == Text("文件 一(待核)", "文件 一 (not yet verified)")
    assert basis_text(Basis("文件", verified=True)).zh == "文件"
