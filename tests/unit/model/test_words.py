"""The table of words, the glossary printed from it, and texts that keep to it."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from yunjin.model.words import WORDS, glossary, nowhere, word

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[3]
GLOSSARY = ROOT / "docs" / "glossary.md"
TABLE = ROOT / "controller" / "yunjin" / "model" / "words.py"
SHIPPED = ("controller/yunjin", "cli/yunjin_cli", "policies/yunjin_policies", "stacks/yunjin_stacks")
HAN = re.compile(r"[\u4e00-\u9fff]")


def modules() -> list[Path]:
    return [
        path
        for folder in SHIPPED
        for path in sorted((ROOT / folder).rglob("*.py"))
        if "_data" not in path.parts and path != TABLE
    ]


def chinese(path: Path) -> Iterator[tuple[int, str]]:
    """Chinese texts of a module with their lines, docstrings apart."""
    tree = ast.parse(path.read_text("utf-8"))
    notes = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    texts = (
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in notes
    )
    for text in sorted(texts, key=lambda node: node.lineno):
        if HAN.search(str(text.value)):
            yield text.lineno, str(text.value)


def misused(text: str) -> set[str]:
    return {wrong for wrong in nowhere() if wrong in text}


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_no_text_of_the_product_holds_a_word_that_is_used_nowhere(path: Path) -> None:
    wrong = [(line, misused(text), text) for line, text in chinese(path) if misused(text)]

    assert wrong == [], f"see docs/glossary.md: {nowhere()}"


def test_the_check_itself_sees_such_a_word(tmp_path: Path) -> None:
    module = tmp_path / "m.py"
    module.write_text('"""漂移"""\nA = f"检测到漂移 {1}"\nB = "实际与登记不一致"\n', "utf-8")

    assert [(line, misused(text)) for line, text in chinese(module)] == [(2, {"漂移"}), (3, set())]


def test_words_that_are_named_as_used_nowhere() -> None:
    wrong = {
        "漂移",
        "账本",
        "区县",
        "元素",
        "要素",
        "申诉",
        "驳回",
        "僵尸",
        "红榜",
        "报废",
        "账单",
        "三权分立",
    }

    assert wrong <= nowhere().keys()


def test_no_term_of_the_table_breaks_the_table() -> None:
    for term in WORDS.values():
        assert misused(term.text.zh) == set()
        assert term.text.zh not in term.never


def test_every_term_is_there_once_in_both_languages() -> None:
    for code, term in WORDS.items():
        assert code == term.code
        assert HAN.search(term.text.zh)
        assert term.text.en
        assert not HAN.search(term.text.en)
        assert re.fullmatch(r"[a-z]+([.-][a-z]+)*", code)


def test_a_word_is_looked_up_by_its_code() -> None:
    assert word("limit").of("zh") == "配额上限"
    assert word("drift").of("en") == "drift"
    with pytest.raises(KeyError):
        word("no-such-term")


def test_the_glossary_page_says_what_the_table_says() -> None:
    assert GLOSSARY.read_text("utf-8") == glossary(), "run: python -m yunjin.model.words > docs/glossary.md"


def test_the_glossary_shows_every_term_and_every_wrong_word() -> None:
    shown = glossary()

    for term in WORDS.values():
        assert f"| {term.code} | {term.text.zh} | {term.text.en} |" in shown
        assert all(wrong in shown for wrong in (*term.never, *term.nowhere))
