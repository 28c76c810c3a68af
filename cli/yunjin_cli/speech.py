"""The language of a call, and help pages and wrong calls in it.

Used by every module of `yunjin_cli`; calls typer. Typer speaks English alone, so its few fixed words are
replaced here after it has laid out a page.
"""

from __future__ import annotations

import os
import re
import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from typer.core import TyperCommand, TyperGroup

from yunjin.errors import Lang, Text, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_WORDS: Final = (
    (re.compile(r"^Usage: ", re.MULTILINE), "用法: "),
    (re.compile(r"^Options:$", re.MULTILINE), "选项:"),
    (re.compile(r"^Arguments:$", re.MULTILINE), "参数:"),
    (re.compile(r"^Commands:$", re.MULTILINE), "命令:"),
    (re.compile(r"Show this message and exit\."), "显示本说明"),
    (re.compile(r"\[env\s+var:"), "[环境变量:"),
    (re.compile(r"(?<=[\[;])(\s*)default: ?"), r"\1缺省: "),
    (re.compile(r"(?<=[\[;])(\s*)required\]"), r"\1必填]"),
)
_WRONG: Final = (
    (re.compile(r"No such command '(.+?)'"), r"没有 \1 这个命令"),
    (re.compile(r"\. Did you mean (.+)\?"), r", 是否应为 \1"),
    (re.compile(r"No such option: (\S+)"), r"没有 \1 这个选项"),
    (re.compile(r"\(Possible options: (.+)\)"), r"(相近的选项: \1)"),
    (re.compile(r"\(env var: '(.+?)'\)"), r"(环境变量 \1)"),
    (re.compile(r"Invalid value for (.+?): "), r"\1 的值有误: "),
    (re.compile(r"('.*') is not one of "), r"\1 不是以下之一: "),
    (re.compile(r"Input should be a valid number.*"), "须为数字"),
    (re.compile(r"Input should be a valid integer.*"), "须为整数"),
    (re.compile(r"Input should be greater than or equal to "), "不得小于 "),
    (re.compile(r"Input should be less than or equal to "), "不得大于 "),
    (re.compile(r"Missing option "), "缺少选项 "),
    (re.compile(r"Missing argument "), "缺少参数 "),
    (re.compile(r"Got unexpected extra argument\(s\) \((.+)\)"), r"多出参数 \1"),
    (re.compile(r"Option (\S+) requires an argument"), r"选项 \1 后须写明值"),
    (re.compile(r"Option (\S+) does not take a value"), r"选项 \1 不带值"),
)
_COMPLETION: Final[Mapping[str, Text]] = {
    "--install-completion": Text("为当前 shell 安装命令补全", "install completion for the current shell"),
    "--show-completion": Text("显示补全脚本", "show the script of the completion"),
}


def asked_for(*names: str) -> str | None:
    """What the command line gives an option, looked up before it is parsed, or because it cannot be."""
    given = None
    for index, word in enumerate(sys.argv):
        name, equals, value = word.partition("=")
        if name in names:
            given = value if equals else next(iter(sys.argv[index + 1 :]), None)
    return given


def help_lang() -> Lang:
    """Language of what is said before options are read: `--lang`, else YUNJIN_LANG, else zh."""
    return "en" if (asked_for("--lang") or os.environ.get("YUNJIN_LANG")) == "en" else "zh"


def said(zh: str, en: str) -> str:
    """A help text in the language of this call."""
    return Text(zh, en).of(help_lang())


def counted(count: int, noun: str) -> str:
    """`1 change`, `2 changes`: English has a plural."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


class Language(StrEnum):
    """Language of everything a person reads."""

    ZH = "zh"
    EN = "en"


LangOption = Annotated[Language, typer.Option("--lang", envvar="YUNJIN_LANG", help=said("语言", "language"))]


def _translated(page: str) -> str:
    return page if help_lang() == "en" else _in_chinese(page, _WORDS)


def _in_chinese(text: str, words: Iterable[tuple[re.Pattern[str], str]]) -> str:
    for pattern, chinese in words:
        text = pattern.sub(chinese, text)
    return text


class Command(TyperCommand):
    """A command whose help speaks the language of the call."""

    def get_help(self, ctx: Any) -> str:
        """The page of `--help`, an example at its end."""
        from yunjin_cli.examples import example

        page, shown = _translated(super().get_help(ctx)), example(ctx.command_path).of(help_lang())
        return f"{page}\n\n{said('示例:', 'Example:')}\n  {shown}"


class Group(TyperGroup):
    """A group of commands; called without one it shows its help and exits with 2."""

    def get_help(self, ctx: Any) -> str:
        """The page of `--help`."""
        for parameter in self.params:
            for name in parameter.opts:
                if name in _COMPLETION:
                    parameter.help = _COMPLETION[name].of(help_lang())  # type: ignore[attr-defined]  # options have it
        return _translated(super().get_help(ctx))

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Exit with the help where no command is named."""
        if not args and not ctx.resilient_parsing:
            typer.echo(self.get_help(ctx), err=True)
            ctx.exit(UsageError.exit_code)
        return super().parse_args(ctx, args)


class ListingGroup(Group):
    """A group that lists where no command is named."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Take `list` for granted."""
        named = any(word in self.commands or word in ctx.help_option_names for word in args)
        return super().parse_args(ctx, args if named or ctx.resilient_parsing else ["list", *args])


def group(zh: str, en: str, cls: type[Group] = Group, **options: Any) -> typer.Typer:
    """A group of commands with its summary; `--lang` before a command counts for the command."""
    made = typer.Typer(cls=cls, help=said(zh, en), **options)

    @made.callback()
    def _(lang: LangOption = Language.ZH) -> None:
        os.environ["YUNJIN_LANG"] = lang.value

    return made


def wrong_call(error: typer.TyperException) -> UsageError:
    """What typer says of a call it cannot read."""
    context = getattr(error, "ctx", None)
    program = context.command_path if context else "yunjin"
    said_there = error.format_message().rstrip(".").replace("Value error, ", "")
    return UsageError(
        Text(f"命令写法有误: {_in_chinese(said_there, _WRONG)}", said_there),
        Text(f"查看用法: {program} --help", f"see {program} --help"),
    )
