"""Text and tables fit a terminal: what belongs together stays so, and no figure is cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from yunjin_cli.layout import Span, panels, span, total, wrapped

TEXTS = st.text("ab1. ,/、。()〔县区核存é2", max_size=60)
SPANS = st.lists(
    st.tuples(st.integers(1, 30), st.integers(0, 30)).map(lambda two: Span(two[0], sum(two))),
    min_size=1,
    max_size=9,
)


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [
        ("存储 2 TiB, 16 块云硬盘", 22, ["存储 2 TiB,", "16 块云硬盘"]),
        ("asks for 16 cores more", 12, ["asks for", "16 cores", "more"]),
        ("64 (32) 核, 128 (64) GiB", 12, ["64 (32) 核,", "128 (64) GiB"]),
        ("自2026年11月22日起生效", 14, ["自", "2026年11月22日", "起生效"]),
        ("处理器、内存已无余量", 8, ["处理器、", "内存已无", "余量"]),
        ("市交通运输局 tenant/jtj", 16, ["市交通运输局", "tenant/jtj"]),
        ("opening/area/dawa/k8s-egov", 16, ["opening/area/", "dawa/k8s-egov"]),
        ("a" * 14, 6, ["aaaaaa", "aaaaaa", "aa"]),
        ("网络端口 24/24\n云硬盘 16/16", 40, ["网络端口 24/24", "云硬盘 16/16"]),
        ("市局", 0, ["市局"]),
        ("3. 处理器已无余量\n   余下 16 核可用", 12, ["3. 处理器已", "   无余量", "   余下", "   16 核可用"]),
    ],
)
def test_lines_break_where_a_reader_would(text: str, width: int, lines: list[str]) -> None:
    assert wrapped(text, width).split("\n") == lines


@given(TEXTS, st.integers(6, 40))
def test_no_line_is_too_wide_and_nothing_is_lost(text: str, width: int) -> None:
    made = wrapped(text, width)
    assert all(cell_len(line) <= width for line in made.split("\n"))
    assert "".join(made.split()) == "".join(text.split())


@given(SPANS, st.integers(1, 3), st.integers(10, 120))
def test_every_column_stands_once_and_is_wide_enough(spans: list[Span], lead: int, room: int) -> None:
    lead = min(lead, len(spans))
    found = panels(spans, lead, room)
    assert all([*widths][:lead] == [*range(lead)] for widths in found)
    assert [column for widths in found for column in [*widths][lead:]] == [*range(lead, len(spans))]
    for widths in found:
        assert all(spans[column].least <= width <= spans[column].most for column, width in widths.items())
        assert total(widths.values()) <= room or all(
            width == spans[column].least for column, width in widths.items()
        )
        assert total(widths.values()) <= room or len(widths) <= lead + 1


def test_a_column_of_figures_is_never_narrower() -> None:
    assert span(["内存", "1,280 GiB", "4 核"], whole=True) == Span(9, 9)
    assert span(["内容", "16 块云硬盘, 存储"], whole=False) == Span(12, 17)
    assert span(["k8s-egov/line-sanitation-egov"], whole=False) == Span(20, 29)
