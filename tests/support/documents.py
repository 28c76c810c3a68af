"""The commands that README and docs/ show, and how they are run.

Used by tests/docs. Calls markdown-it. A document shows commands in fenced blocks `console`: a line `$
COMMAND`, then what it says. `$ echo $?` after a command states its exit code, 0 where nothing is stated. A
block marked `console output` also states the output itself, up to times and hashes; `...` alone on a line
stands for any lines. A block that names `cluster.kubeconfig` needs a real cluster, one with `--os-cloud
devcloud` a real cloud.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from markdown_it import MarkdownIt

from tools.environment import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KUBECONFIG = "cluster.kubeconfig"
CLOUD = "--os-cloud devcloud"
SHELLS = {"bash", "sh", "shell", "zsh"}


class Place(Enum):
    """Where commands run."""

    SIMULATED = "simulated"
    CLUSTER = "cluster"
    CLOUD = "cloud"


@dataclass(slots=True)
class Shown:
    """One command of a document, with what the document says of it. `line` counts from 1."""

    line: int
    command: str
    output: list[str] = field(default_factory=list)
    exit_code: int = 0


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block."""

    language: str
    exact: bool
    line: int
    text: str

    @property
    def place(self) -> Place:
        """What its commands need."""
        if KUBECONFIG in self.text:
            return Place.CLUSTER
        return Place.CLOUD if CLOUD in self.text else Place.SIMULATED

    def commands(self) -> list[Shown]:
        """Its commands in order. A backslash at the end of a line continues it."""
        shown: list[Shown] = []
        lines = iter(enumerate(self.text.splitlines(), self.line + 1))
        for number, text in lines:
            if not text.startswith("$ "):
                if shown:
                    shown[-1].output.append(text)
                continue
            command = text[2:]
            while command.endswith("\\"):
                command = command[:-1] + next(lines)[1].removeprefix("> ")
            if command == "echo $?":
                shown[-1].exit_code = int(next(lines)[1])
            else:
                shown.append(Shown(number, command))
        return shown


def documents() -> list[Path]:
    """Everything a reader is pointed to."""
    return [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(document: Path) -> Iterator[Block]:
    """The fenced blocks of a document."""
    for token in MarkdownIt().parse(document.read_text("utf-8")):
        if token.type == "fence":
            language, *marks = token.info.split() or [""]
            yield Block(language, "output" in marks, (token.map or [0])[0] + 1, token.content)


def links(document: Path) -> Iterator[str]:
    """Targets of its links and pictures inside the project, without anchors."""
    for token in MarkdownIt().parse(document.read_text("utf-8")):
        for part in token.children or ():
            target = str(part.attrGet("href") or part.attrGet("src") or "")
            if target and not re.match(r"[a-z]+:|#", target):
                yield target.split("#", maxsplit=1)[0]


def alike(said: str, shown: list[str]) -> bool:
    """Whether a command said what its document shows."""
    pattern = "\n".join(
        r"(?:.*\n)*?.*" if line == "..." else re.escape(_plain(line)) for line in _trimmed(shown)
    )
    return re.fullmatch(pattern, "\n".join(_plain(line) for line in _trimmed(said.splitlines()))) is not None


def _trimmed(lines: list[str]) -> list[str]:
    return "\n".join(line.rstrip() for line in lines).strip("\n").splitlines()


def _plain(line: str) -> str:
    line = re.sub(r"\d+(?:\.\d+)? ?(?:ms|s|秒|毫秒|seconds?)(?![A-Za-z])", "TIME", line)
    return re.sub(r"\b[0-9a-f]{12,64}\b", "HASH", line)
