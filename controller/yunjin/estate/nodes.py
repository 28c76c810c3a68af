"""From text to a tree of values that know their line and column.

Called by `yunjin.estate.documents` and `yunjin.estate.fields`; calls libyaml through PyYAML, event by event,
so that depth and number of values are bounded while reading. Promises a small YAML: one document of mappings,
lists and plain values, without anchors, tags, repeated keys, or values that YAML readers disagree on.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING, Final

import yaml

from yunjin.errors import DeclaredError, Place, Text
from yunjin.estate.files import DELETE, invisible
from yunjin.model.signs import FORBIDDEN

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from yunjin.estate.diagnostics import Diagnostics

MAX_DEPTH: Final = 32
MAX_NODES: Final = 500_000

Scalar = str | int | float | bool | None
Plain = Scalar | list["Plain"] | dict[str, "Plain"]
Step = str | int

_INT = re.compile(r"0|-?[1-9][0-9]*")
_LONGEST_INT: Final = 30  # a longer one stays text, which no field takes for a number
_LONGEST_KEY: Final = 400  # every error inside would repeat it
_FLOAT = re.compile(r"-?(0|[1-9][0-9]*)\.[0-9]{1,30}")
_NUMERIC: Final = frozenset("0123456789+-.")  # what a number may begin with
_TRUTH: Final = {"true": True, "false": False}
_NULL: Final = frozenset({"", "~", "null"})
_OTHER_WORDS: Final = frozenset(("y", "n", "yes", "no", "on", "off", "true", "false", "null", "=", "<<"))
_OTHER_NUMBERS = re.compile(
    r"[-+]?0[0-9_]+|\+[0-9.]+|0[xob][0-9a-f_]+|[-+]?[0-9]+_[0-9_.]*|[-+]?[0-9]+(:[0-5]?[0-9])+(\.[0-9]*)?"
    r"|[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)(e[-+]?[0-9]+)?|[-+]?\.inf|\.nan"
)


@dataclass(slots=True)
class Node:
    """A value and where it begins, line and column from 1. `keys` is where each key of a mapping stands."""

    line: int
    column: int
    value: Scalar | dict[str, Node] | list[Node]
    keys: dict[str, tuple[int, int]] | None = None

    def plain(self) -> Plain:
        """The value without places."""
        if isinstance(self.value, dict):
            return {key: part.plain() for key, part in self.value.items()}
        if isinstance(self.value, list):
            return [part.plain() for part in self.value]
        return self.value

    def child(self, step: Step) -> Node | None:
        """A part by key or number; None where there is none."""
        if isinstance(self.value, dict) and isinstance(step, str):
            return self.value.get(step)
        if isinstance(self.value, list) and isinstance(step, int) and step < len(self.value):
            return self.value[step]
        return None

    def locate(self, steps: Sequence[Step], *, key: bool = False) -> tuple[int, int]:
        """Line and column of what lies at `steps`, or of the last part on the way that exists.

        Args:
            steps: keys and numbers, outermost first.
            key: the last key itself instead of its value.
        """
        node = self
        for number, step in enumerate(steps):
            part = node.child(step)
            last = number == len(steps) - 1
            if last and key and node.keys and isinstance(step, str) and step in node.keys:
                return node.keys[step]
            if part is None:
                break
            node = part
        return node.line, node.column


@dataclass(frozen=True, slots=True)
class Tree:
    """What a text holds.

    Attributes:
        root: None where the syntax is broken or there is no value at all.
        flawed: line and column of each value that was refused; what stands there in the tree means nothing.
    """

    root: Node | None
    flawed: frozenset[tuple[int, int]] = frozenset()


def parse(path: Path, text: str, diagnostics: Diagnostics) -> Tree:
    """The tree of a text; all that is wrong with it is recorded."""
    reader = _Reader(path, text, diagnostics)
    try:
        return Tree(reader.read(), frozenset(reader.flawed))
    except DeclaredError as error:
        diagnostics.add(error)
    except yaml.MarkedYAMLError as error:
        diagnostics.add(_broken(path, error))
    except yaml.YAMLError as error:
        reason = str(error).splitlines()[0]
        message = Text(f"YAML 语法错误: {reason}", f"YAML syntax: {reason}")
        diagnostics.add(DeclaredError(Place(path), message, remedy=_MEND))
    return Tree(None)


def dotted(steps: Sequence[Step]) -> str:
    """A path as people write it: `names[1].zh`."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
    return text.removeprefix(".")


def reads_as_text(text: str) -> bool:
    """Whether a text without quotation marks is read as that very text."""
    folded = text.lower()
    numeric = _INT.fullmatch(text) or _FLOAT.fullmatch(text) or _OTHER_NUMBERS.fullmatch(folded)
    return text not in _NULL and folded not in _OTHER_WORDS and not numeric


class _Reader:
    """One pass over the events of one text."""

    def __init__(self, path: Path, text: str, diagnostics: Diagnostics) -> None:
        self._path = path
        self._events = yaml.CSafeLoader(text)
        self._diagnostics = diagnostics
        self._open: list[Node] = []  # collections not yet ended, outermost first
        self._keys: list[str | None] = []  # of each, the key whose value comes next
        self._root: Node | None = None
        self._count = 0
        self.flawed: set[tuple[int, int]] = set()

    def read(self) -> Node | None:
        documents = 0
        while (event := self._events.get_event()) is not None:
            if isinstance(event, yaml.ScalarEvent):  # most events are
                if (keys := self._awaiting_key()) is not None:
                    self._take_key(event, keys)
                else:
                    self._put(self._node(event, self._scalar(event)))
                    self._end_value()
            elif isinstance(event, yaml.CollectionStartEvent):
                self._begin(event)
            elif isinstance(event, yaml.CollectionEndEvent):
                self._open.pop()
                self._keys.pop()
                self._end_value()
            elif isinstance(event, yaml.AliasEvent):
                self._take_alias(event)
            elif isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise self._error(event, _ONE_DOCUMENT, _SPLIT)
        if self._root is None:
            raise DeclaredError(Place(self._path), _NOTHING, remedy=_FILL)
        return self._root

    def _awaiting_key(self) -> dict[str, tuple[int, int]] | None:
        """Keys so far of the mapping that now expects its next one."""
        return self._open[-1].keys if self._open and self._keys[-1] is None else None

    def _take_key(self, event: yaml.ScalarEvent, keys: dict[str, tuple[int, int]]) -> None:
        self._refuse_marks(event)
        key: str = event.value
        if len(key) > _LONGEST_KEY:
            raise self._error(event, _LONG_KEY, _MEND)
        if not event.style and (key in _NULL or key.lower() in _OTHER_WORDS):
            self._refuse(event, _misread(key), _QUOTE)
        if key in keys:
            first = keys[key][0]
            message = Text(f"键 {key} 重复, 首次在第 {first} 行", f"key {key} again, first on line {first}")
            self._refuse(event, message, _ONCE)
        else:
            keys[key] = _start(event)
        self._keys[-1] = key

    def _begin(self, event: yaml.CollectionStartEvent) -> None:
        if self._awaiting_key() is not None:
            raise self._error(event, _PLAIN_KEY, _MEND)
        if len(self._open) == MAX_DEPTH:
            raise self._error(event, _TOO_DEEP, _MEND)
        self._refuse_marks(event)
        node = self._node(event, {} if isinstance(event, yaml.MappingStartEvent) else [])
        self._put(node)
        self._open.append(node)
        self._keys.append(None)

    def _take_alias(self, event: yaml.AliasEvent) -> None:
        if self._awaiting_key() is not None:
            raise self._error(event, _NO_ALIAS, _WRITE_OUT)
        self._refuse(event, _NO_ALIAS, _WRITE_OUT)
        self._put(self._node(event, None))
        self._end_value()

    def _put(self, node: Node) -> None:
        if not self._open:
            self._root = node
            return
        into = self._open[-1].value
        if isinstance(into, list):
            into.append(node)
        elif isinstance(into, dict):
            into.setdefault(str(self._keys[-1]), node)

    def _end_value(self) -> None:
        if self._keys:
            self._keys[-1] = None

    def _node(self, event: yaml.Event, value: Scalar | dict[str, Node] | list[Node]) -> Node:
        self._count += 1
        if self._count > MAX_NODES:
            raise self._error(event, _TOO_MANY, _MEND)
        return Node(*_start(event), value, {} if isinstance(value, dict) else None)

    def _scalar(self, event: yaml.ScalarEvent) -> Scalar:
        self._refuse_marks(event)
        text: str = event.value
        if event.style:
            if event.style == '"' and (found := FORBIDDEN.search(text)):
                self._refuse(event, invisible(found[0]), DELETE)
            return text
        if text in _NULL:
            return None
        if text in _TRUTH:
            return _TRUTH[text]
        if text[0] in _NUMERIC:
            if _INT.fullmatch(text):
                return int(text) if len(text) <= _LONGEST_INT else text
            if _FLOAT.fullmatch(text):
                return float(text)
            misread = _OTHER_NUMBERS.fullmatch(text.lower()) is not None
        else:
            misread = text.lower() in _OTHER_WORDS
        if misread:
            self._refuse(event, _misread(text), _QUOTE)
        return text

    def _refuse_marks(self, event: yaml.NodeEvent) -> None:
        if event.anchor is not None:
            self._refuse(event, _NO_ALIAS, _WRITE_OUT)
        elif getattr(event, "tag", None) is not None:
            self._refuse(event, _NO_TAG, _MEND_TAG)

    def _refuse(self, event: yaml.Event, message: Text, remedy: Text) -> None:
        self.flawed.add(_start(event))
        self._diagnostics.add(self._error(event, message, remedy))

    def _error(self, event: yaml.Event, message: Text, remedy: Text) -> DeclaredError:
        place = Place(self._path, *_start(event))
        return DeclaredError(place, message, field=dotted(self._steps()[2:]), remedy=remedy)

    def _steps(self) -> list[Step]:
        """The way to the value being read: a key of each open mapping, a number of each open list."""
        steps: list[Step] = []
        for node, key, inner in zip_longest(self._open, self._keys, self._open[1:]):
            if isinstance(node.value, list):
                steps.append(len(node.value) - (1 if inner else 0))
            elif key is not None:
                steps.append(key)
        return steps


def _start(event: yaml.Event) -> tuple[int, int]:
    mark = event.start_mark
    return (mark.line + 1, mark.column + 1) if mark else (0, 0)


def _misread(text: str) -> Text:
    shown = text[:40]
    return Text(
        f"{shown} 没有引号, 不同的 YAML 软件对它理解不同",
        f"{shown} without quotation marks means different things to YAML readers",
    )


def _broken(path: Path, error: yaml.MarkedYAMLError) -> DeclaredError:
    mark = error.problem_mark or error.context_mark
    place = Place(path, mark.line + 1, mark.column + 1) if mark else Place(path)
    problem = error.problem or "syntax error"
    return DeclaredError(
        place,
        Text(f"YAML 语法错误: {_PROBLEMS.get(problem, problem)}", f"YAML syntax: {problem}"),
        remedy=_MEND,
    )


_PROBLEMS: Final = {  # libyaml's sentences that people meet most
    "mapping values are not allowed in this context": "此处不能出现冒号, 缩进或引号有误",
    "could not find expected ':'": "缺少冒号",
    "did not find expected key": "缩进有误, 此处应为键",
    "did not find expected '-' indicator": "缩进有误, 此处应为列表项 -",
    "did not find expected ',' or ']'": "方括号内缺少逗号或右方括号",
    "did not find expected ',' or '}'": "花括号内缺少逗号或右花括号",
    "did not find expected node content": "此处缺少内容",
    "found unexpected end of stream": "引号或括号没有结束",
    "found character that cannot start any token": "此处不能有这个字符 (例如用制表符缩进)",
    "found a tab character where an indentation space is expected": "缩进只能用空格, 不能用制表符",
    "found a tab character that violates indentation": "缩进只能用空格, 不能用制表符",
    "block sequence entries are not allowed in this context": "此处不能出现列表项 -, 缩进有误",
    "mapping keys are not allowed in this context": "此处不能出现键, 缩进有误",
    "found unexpected document indicator": "引号没有结束",
    "found unknown escape character": "双引号内反斜线之后的字符有误",
    "found invalid Unicode character escape code": "双引号内没有这个编码的字符",
    "did not find expected <document start>": "此处应为文档开头, 缩进有误",
    "did not find expected alphabetic or numeric character": "& 或 * 之后缺少名称",
    "found undefined tag handle": "类型标记 ! 没有定义",
    "found incompatible YAML document": "不支持 %YAML 所写的版本",
    "exceeded maximum nesting depth": "嵌套过深",
}
_MEND: Final = Text("改正这一处", "mend this place")
_ONE_DOCUMENT: Final = Text("一个文件只能有一个文档", "a file holds one document")
_SPLIT: Final = Text(
    "删除多出的 --- 及其后内容, 或另存为文件", "remove what follows ---, or move it to another file"
)
_NOTHING: Final = Text("文件中没有内容", "the file holds nothing but comments")
_FILL: Final = Text("写上 kind 和 items", "write kind and items")
_PLAIN_KEY: Final = Text("键必须是一个词", "a key must be a single word")
_LONG_KEY: Final = Text(f"键超过 {_LONGEST_KEY} 个字符", f"a key of more than {_LONGEST_KEY} characters")
_TOO_DEEP: Final = Text(f"嵌套超过 {MAX_DEPTH} 层", f"nested deeper than {MAX_DEPTH} levels")
_TOO_MANY: Final = Text(f"文件中的值超过 {MAX_NODES} 个", f"more than {MAX_NODES} values in one file")
_NO_ALIAS: Final = Text("不允许使用锚点 & 和别名 *", "anchors (&) and aliases (*) are not allowed")
_WRITE_OUT: Final = Text("把内容写全", "write the content out")
_NO_TAG: Final = Text("不允许使用类型标记 !", "tags (!) are not allowed")
_MEND_TAG: Final = Text("删除类型标记", "remove the tag")
_QUOTE: Final = Text("加上引号; 是非值写 true 或 false", "quote it; write a truth value as true or false")
_ONCE: Final = Text("只保留一个", "keep one of them")
