"""The rules as a whole: their texts, ids and the pages that list them."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest

from declared import declared
from estates import synthetic_estate
from yunjin.model.change import Severity
from yunjin.policy import Facts, Rule, run
from yunjin_policies import RULES
from yunjin_policies.page import page

ROOT = Path(__file__).parents[3]
DAY = date(2026, 11, 22)
HAN = re.compile(r"[\u4e00-\u9fff]")
PAGES = {"zh": ROOT / "docs" / "rules.zh-CN.md", "en": ROOT / "docs" / "rules.md"}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_every_rule_says_what_it_asks_and_what_to_do_in_both_languages(rule: Rule) -> None:
    for text in (rule.requires, rule.remedy):
        assert HAN.search(text.zh)
        assert text.en
        assert not HAN.search(text.en)
    assert re.fullmatch(r"[A-Z]\d{2}", rule.id)
    assert bool(rule.basis.clause) <= bool(rule.basis.doc)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_every_rule_stands_on_both_pages(rule: Rule) -> None:
    assert f"| {rule.id} | " in PAGES["zh"].read_text("utf-8")
    assert f"| {rule.id} | " in PAGES["en"].read_text("utf-8")


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_every_rule_has_a_test_that_names_it(rule: Rule) -> None:
    here = Path(__file__)
    tests = [path for path in here.parent.glob("test_*.py") if path != here]

    assert any(f'"{rule.id}"' in path.read_text("utf-8") for path in tests)


def test_ids_are_given_once_and_one_letter_is_one_family() -> None:
    ids = [rule.id for rule in RULES]
    families: dict[str, set[str]] = {rule.id[0]: set() for rule in RULES}
    for rule in RULES:
        families[rule.id[0]].add(rule.breaches.__module__)

    assert len(ids) == len(set(ids))
    assert all(len(modules) == 1 for modules in families.values())


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_pages_say_what_the_code_says(lang: str) -> None:
    command = f"python -m yunjin_policies.page {lang} > {PAGES[lang].relative_to(ROOT)}"

    assert PAGES[lang].read_text("utf-8") == page("zh" if lang == "zh" else "en"), f"run: {command}"


def test_a_cell_of_the_page_holds_no_column() -> None:
    for line in page("en").splitlines():
        if line.startswith("| "):
            assert line.count(" | ") == 5


@pytest.mark.parametrize("tenants", [1, 40])
def test_a_synthetic_city_is_free_of_errors(tenants: int) -> None:
    found = run(RULES, Facts(synthetic_estate(tenants), DAY))

    assert [finding for finding in found if finding.severity is Severity.ERROR] == []


def test_the_minimal_city_is_free_of_errors() -> None:
    assert [f for f in run(RULES, Facts(declared(), DAY)) if f.severity is Severity.ERROR] == []
