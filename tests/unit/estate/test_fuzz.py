"""Whatever stands in a file, loading ends in an estate or in errors with a place, never in anything else."""

from __future__ import annotations

import contextlib
import tempfile
from datetime import date
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from estates import city, document, write_estate
from yunjin.errors import DeclaredErrors
from yunjin.estate import load, nodes
from yunjin.estate.diagnostics import Diagnostics

GOOD = {
    name: document(name, items) for name, items in city().items() if name not in ("tenants", "programmes")
}
YAML_SIGNS = st.text(alphabet="abc01- \n\t:,[]{}#&*!|>'\"%@`?~=<.\\é中\u00a0", max_size=200)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | st.text(max_size=20)
TEXTS = st.recursive(
    st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_estate(tmp_path_factory.mktemp("city"))


def load_with(folder: Path, name: str, content: bytes) -> None:
    with contextlib.suppress(DeclaredErrors):
        load(folder, {name: content})


@given(st.sampled_from(["prices.yaml", "new.yaml", "programmes/new.yaml"]), st.binary(max_size=300))
def test_any_bytes(folder: Path, name: str, content: bytes) -> None:
    load_with(folder, name, content)


@given(YAML_SIGNS)
def test_any_text_made_of_signs_that_matter(folder: Path, text: str) -> None:
    load_with(folder, "prices.yaml", text.encode())
    load_with(folder, "prices.yaml", f"kind: prices\nitems:\n- {text}".encode())


@given(st.sampled_from(sorted(GOOD)), VALUES)
def test_any_value_as_an_item(folder: Path, name: str, value: object) -> None:
    load_with(folder, f"{name}.yaml", yaml.safe_dump({"kind": name, "items": [value]}).encode())


@given(st.data())
def test_any_field_of_any_item_replaced(folder: Path, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(GOOD)))
    items = city()[name]
    item = data.draw(st.sampled_from(items))
    field = data.draw(st.sampled_from(sorted(item)))
    item[field] = data.draw(VALUES)
    content = yaml.safe_dump({"kind": name, "items": items}, allow_unicode=True)
    load_with(folder, f"{name}.yaml", content.encode())


@given(st.data())
def test_any_cut_or_flip_in_a_good_file(folder: Path, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(GOOD)))
    content = bytearray(GOOD[name].encode())
    start = data.draw(st.integers(0, len(content)))
    content[start : start + data.draw(st.integers(0, 20))] = data.draw(st.binary(max_size=6))
    load_with(folder, f"{name}.yaml", bytes(content))


@given(TEXTS)
def test_quoted_text_is_read_as_it_was_written(value: object) -> None:
    """Unless it is refused, because it holds a character that nobody sees."""
    text = yaml.safe_dump({"value": value}, allow_unicode=True, default_style='"')
    diagnostics = Diagnostics()
    tree = nodes.parse(Path("x.yaml"), text, diagnostics)
    with contextlib.suppress(DeclaredErrors):
        diagnostics.raise_if_any(Path())
        assert tree.root
        assert tree.root.plain() == {"value": value}


@given(st.from_regex(r"[A-Za-z0-9.+~=<][A-Za-z0-9.+_:-]{0,8}", fullmatch=True))
def test_what_may_go_without_quotation_marks_other_readers_take_for_text(value: str) -> None:
    if nodes.reads_as_text(value) and not value.endswith(":"):
        read = yaml.safe_load(f"a: {value}")["a"]
        assert isinstance(read, str | date)  # to us a date is text too, until a field wants one


def test_fuzzing_leaves_nothing_behind(folder: Path) -> None:
    assert load(folder).digest == load(write_estate(Path(tempfile.mkdtemp()))).digest
