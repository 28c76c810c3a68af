"""Programs read the same values in every language, people tables and help in the language they ask for."""

from __future__ import annotations

import json
import re
import shlex
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from typer.main import get_command

from yunjin.model.words import nowhere
from yunjin_cli.examples import example
from yunjin_cli.main import app

if TYPE_CHECKING:
    from collections.abc import Iterator

    from commandline import CommandLine

CHINESE = re.compile("[\u4e00-\u9fff]")
READS = {
    "validate": ("validate",),
    "plan": ("plan",),
    "status": ("status",),
    "drift": ("drift",),
    "tenant list": ("tenant", "list"),
    "tenant show": ("tenant", "show", "jtj"),
    "element list": ("element", "list"),
    "element show": ("element", "show", "transport"),
    "bureau list": ("bureau", "list"),
    "bureau show": ("bureau", "show", "zfj"),
    "bureau changes": ("bureau", "changes"),
    "credential list": ("tenant", "credential", "list"),
    "doctor": ("doctor",),
}
READS_OF_THE_LEDGER = (
    ("ledger", "show"), ("ledger", "show", "bureau/jtj"), ("ledger", "explain", "k8s/jtj-egov"),
    ("ledger", "check"), ("supply", "show"), ("supply", "compare"), ("supply", "relief", "k8s-egov"),
    ("grant", "list"), ("contribution", "list"), ("audit", "list"),
)  # fmt: skip
HEADERS = {
    ("tenant", "list"): (
        "编号 名称 类别 等保 资源池 处理器 内存 存储 状态",
        "id name kind MLPS pool CPU memory storage state",
    ),
    ("element", "list"): ("编号 名称 类别 目标期 牵头部门 重点工作", "id name kind horizon lead bureau task"),
    ("bureau", "list"): ("编号 名称 类别 上级 来源 终止日期", "id name kind parent origin ended"),
    ("bureau", "changes"): (
        "序号 类别 涉及单位 生效日期 状态 依据",
        "number kind bodies takes effect state basis",
    ),
}


def walked(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command and group there is."""
    yield path, command
    for name, below in getattr(command, "commands", {}).items():
        yield from walked(below, (*path, name))


COMMANDS = tuple(path for path, _ in walked(get_command(app)))


@pytest.mark.parametrize("name", READS)
def test_values_are_the_same_in_every_language_and_form(desk: CommandLine, name: str) -> None:
    command = READS[name]
    chinese = desk.value(*command)
    english = yaml.safe_load(desk.run(*command, "--output", "yaml", lang="en"))
    assert without_moments(chinese) == without_moments(json.loads(json.dumps(english, default=str)))
    assert chinese is not None


def test_answers_of_the_ledger_are_the_same_in_every_language_and_form(provisioned: CommandLine) -> None:
    for command in READS_OF_THE_LEDGER:
        chinese = provisioned.value(*command)
        english = yaml.safe_load(provisioned.run(*command, "--output", "yaml", lang="en"))
        assert chinese == json.loads(json.dumps(english, default=str)), command
        assert chinese or command[-1] in ("list", "compare"), command


def test_what_went_into_a_file_is_told_to_programs(provisioned: CommandLine) -> None:
    told = provisioned.value("audit", "export", "--out", "audit.jsonl")
    lines = (provisioned.folder / "audit.jsonl").read_text("utf-8").splitlines()
    assert told == {"file": "audit.jsonl", "rows": len(lines)}
    told = provisioned.value("ledger", "export", "--out", "ledger.json")
    digest = json.loads((provisioned.folder / "ledger.json").read_text("utf-8"))["digest"]
    assert told == {"file": "ledger.json", "digest": digest, "signed": False}


def without_moments(value: Any) -> Any:
    """A plan says when each endpoint was read, which differs from call to call."""
    if isinstance(value, dict):
        return {
            key: without_moments(item) for key, item in value.items() if key not in ("observed_at", "since")
        }
    return [without_moments(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("command", HEADERS, ids=" ".join)
def test_tables_speak_the_language_asked_for(desk: CommandLine, command: tuple[str, str]) -> None:
    for lang, header in zip(("zh", "en"), HEADERS[command], strict=True):
        said = desk.run(*command, lang=lang)
        assert header.split() in [line.split() for line in said.splitlines()[:2]]
        assert "\x1b" not in said
        assert said == "\n".join(line.rstrip() for line in said.splitlines()) + "\n"


def test_english_has_a_singular(provisioned: CommandLine) -> None:
    provisioned.allot("k8s/jtj-egov", cpu="3")
    assert "1 change," in provisioned.run("plan", lang="en")
    assert "1 declared change waiting" in provisioned.run("drift", lang="en")
    assert "3 warnings, 1 notice\n" in provisioned.run("validate", lang="en")


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: " ".join(command) or "yunjin")
def test_every_command_explains_itself(desk: CommandLine, command: tuple[str, ...]) -> None:
    chinese, english = desk.run(*command, "--help"), desk.run(*command, "--help", "--lang", "en")
    name = " ".join(("yunjin", *command))
    assert chinese.startswith(f"用法: {name} ")
    assert english.startswith(f"Usage: {name} ")
    assert not CHINESE.search(english)
    for line in option_lines(chinese):
        assert CHINESE.search(line), line
    for word in ("Options", "default:", "env var", "Show this", *nowhere()):
        assert word not in chinese


def test_every_command_shows_a_call_that_it_takes(desk: CommandLine) -> None:
    for path, command in walked(get_command(app)):
        if hasattr(command, "commands"):
            continue
        shown = example(" ".join(("yunjin", *path)))
        for line in (shown.zh, shown.en):
            words = shlex.split(line)
            assert words[: len(path) + 1] == ["yunjin", *path]
            command.make_context("yunjin", words[len(path) + 1 :])
    assert "示例:\n  yunjin tenant show jtj" in desk.run("tenant", "show", "--help")
    assert "Example:\n  yunjin tenant show jtj" in desk.run("tenant", "show", "--help", lang="en")


def option_lines(page: str) -> list[str]:
    """Explanations of options and commands."""
    return [line for line in page.splitlines() if re.match(r"  (-|[a-z])[^ ]*.*  ", line)]


def test_programs_read_wrong_calls_and_errors_too(small: CommandLine) -> None:
    for call in (("plan", "--nonsense"), ("tenant", "show", "nobody"), ("apply", "--yes")):
        answer = small.ask(*call, "--output", "json")
        (error,) = answer.errors
        assert set(error) >= {"code", "message", "remedy"}
        assert (answer.code, answer.out) == (2, "")


def test_shells_complete_commands_and_ids(desk: CommandLine) -> None:
    assert complete(desk, "yunjin pl") == ["plan"]
    assert complete(desk, "yunjin tenant ") == ["list", "show", "move-quota", "credential"]
    assert complete(desk, "yunjin tenant show jt") == ["jtj"]
    assert complete(desk, "yunjin element show work") == ["work-safety"]
    assert complete(desk, "yunjin bureau show daw") == ["dawa"]
    assert "--kubeconfig" in complete(desk, "yunjin plan --k")
    assert "_YUNJIN_COMPLETE=complete_bash" in desk.run("--help", _YUNJIN_COMPLETE="source_bash")
    asked = "yunjin tenant show jt"
    said = desk.run(_YUNJIN_COMPLETE="complete_zsh", _TYPER_COMPLETE_ARGS=asked)
    assert '"jtj":"市交通运输局"' in said
    assert "_YUNJIN_COMPLETE=complete_zsh" in desk.run("--help", _YUNJIN_COMPLETE="source_zsh")


def complete(desk: CommandLine, words: str) -> list[str]:
    """What bash proposes for the last word."""
    count = len(words.split()) - (not words.endswith(" "))
    said = desk.run(_YUNJIN_COMPLETE="complete_bash", COMP_WORDS=words, COMP_CWORD=str(count))
    return said.split()
