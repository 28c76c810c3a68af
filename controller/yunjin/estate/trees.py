"""Declared values as trees that ruamel.yaml writes: without defaults, in human units, as people would.

Used by `rewrite` and `bodies`. Calls ruamel.yaml. Promises that what is written is read back as the same
value, and that nothing somebody wrote is folded, re-quoted or aliased.
"""

from __future__ import annotations

from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.representer import RoundTripRepresenter
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from yunjin.estate.nodes import reads_as_text
from yunjin.model.amounts import Amounts
from yunjin.model.declared import Declared

_UNBROKEN: Final = 10**6  # columns; ruamel.yaml shall never fold a line that somebody wrote


def yaml_writer(offset: int) -> YAML:
    """Writes lists indented by `offset` columns."""
    writer = YAML()
    writer.Representer = _Representer
    writer.preserve_quotes = True
    writer.width = _UNBROKEN
    writer.indent(mapping=2, sequence=offset + 2, offset=offset)
    return writer


class _Representer(RoundTripRepresenter):
    """Writes nothing as `null`, where the library leaves the line empty, and equal values each in full."""

    def ignore_aliases(self, data: Any) -> bool:
        del data
        return True

    def null(self, data: None) -> Any:
        del data
        return self.represent_scalar("tag:yaml.org,2002:null", "null")


_Representer.add_representer(type(None), _Representer.null)


def tree_of(value: Any) -> Any:
    """A value of the model as a document writes it: no defaults, amounts in human units on one line."""
    if isinstance(value, Amounts):
        figures = CommentedMap(written(value))
        figures.fa.set_flow_style()
        return figures
    if isinstance(value, Declared):
        fields = {
            info.alias or name: (info, getattr(value, name))
            for name, info in type(value).model_fields.items()
        }
        return CommentedMap(
            (key, tree_of(part))
            for key, (info, part) in fields.items()
            if info.is_required() or part != info.get_default(call_default_factory=True)
        )
    if isinstance(value, dict):
        return CommentedMap((key, tree_of(part)) for key, part in value.items())
    if isinstance(value, tuple):
        return CommentedSeq(map(tree_of, value))
    return text_of(value) if isinstance(value, str) else value


def written(amounts: Amounts) -> dict[str, int | str]:
    """Amounts in human units, counts as numbers."""
    return {name: int(text) if text.isdigit() else text for name, text in amounts.written().items()}


def text_of(value: str) -> str:
    """A text, in quotation marks where it would be read as something else."""
    return value if reads_as_text(value) else DoubleQuotedScalarString(value)


def append(mapping: Any, key: str, item: CommentedMap) -> None:
    """Add to a list, or begin one."""
    items = mapping.setdefault(key, CommentedSeq())
    if not items:
        items.fa.set_block_style()  # an empty list can only be written as []
    items.append(item)
