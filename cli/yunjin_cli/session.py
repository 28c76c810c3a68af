"""One call of the command line: its common options, and how a command function receives them.

Used by every module of `yunjin_cli.commands`; calls `yunjin.estate`, `yunjin.store` and `speech`, and turns
errors of Yunjin into exit codes. Promises that each command takes the same options under the same names, and
that no error of Yunjin leaves as a traceback.

Exit codes: 0 fine (warnings included), 1 findings of severity error or changes that failed, are pending or
were skipped, 2 bad input, 3 an endpoint that cannot be reached. `--strict` counts warnings as errors.
"""

from __future__ import annotations

import functools
import inspect
import os
import re
import sys
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from yunjin.errors import Lang, Text, UsageError, YunjinError
from yunjin.model.times import TIME_ZONE
from yunjin_cli.speech import Command, LangOption, Language, help_lang, said

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from yunjin.model.estate import Estate
    from yunjin.store import Store

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_FIRST, _LAST = date(1900, 1, 1), date(9998, 12, 31)  # beyond, no days can be added
MOST_NUMBER = 2**31 - 1
"""The highest number that a database draws for a row."""


class Output(StrEnum):
    """How answers are written."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"


@dataclass(frozen=True, slots=True)
class Session:
    """Common options of one call.

    Attributes:
        dated: the business date was given by hand.
    """

    tenants: Path
    state: Path
    as_of: date
    lang: Lang
    output: Output
    strict: bool
    kubeconfig: Path | None
    os_cloud: str | None
    dated: bool

    def say(self, text: Text) -> str:
        """A text in the session's language."""
        return text.of(self.lang)

    def dating(self, zh: str, en: str) -> Text | None:
        """A title with the business date in place of `{}`; None where none was given: it is of now."""
        from yunjin.model.formats import date_text

        day = {lang: date_text(self.as_of, lang) for lang in ("zh", "en")}
        return Text(zh.format(day["zh"]), en.format(day["en"])) if self.dated else None

    def accesses(self, estate: Estate) -> dict[str, str]:
        """How each live endpoint is reached by this call. Raises as `yunjin.engine.endpoints.accesses`."""
        from yunjin.engine.endpoints import accesses

        return accesses(estate, self.kubeconfig, self.os_cloud)

    def estate(self) -> Estate:
        """The declared state. Raises DeclaredErrors with all that is wrong in it."""
        from yunjin.estate import load

        return load(self.tenants)

    @contextmanager
    def store(self) -> Iterator[Store]:
        """The state database: on the server of YUNJIN_DATABASE_URL, else a file of the state folder.

        What is written to its audit meanwhile is sealed at the end.
        """
        from yunjin.store import Store

        with Store.open(self.state, url=database_url()) as store:
            try:
                yield store
            finally:
                _seal(store)


def database_url() -> str | None:
    """Address of the server's database, where one is used. Read anew each time: it may hold a password."""
    return os.environ.get("YUNJIN_DATABASE_URL") or None


def _seal(store: Store) -> None:
    if "yunjin.ledger.records" not in sys.modules:  # who never loaded the ledger wrote nothing to its audit
        return
    from yunjin.ledger.chain import Seal

    # What the command did stands either way; the next one seals, and `audit verify` tells of what waits.
    with suppress(YunjinError):
        Seal(store.database, store.now).seal()


TenantsOption = Annotated[
    Path | None,
    typer.Option(
        "--tenants", envvar="YUNJIN_TENANTS", help=said("申报文件目录", "folder of the declared files")
    ),
]
StateOption = Annotated[
    Path,
    typer.Option("--state", envvar="YUNJIN_STATE", help=said("状态目录", "folder of the state database")),
]
AsOfOption = Annotated[
    str | None,
    typer.Option(
        "--as-of",
        metavar="YYYY-MM-DD",
        help=said("业务日期, 缺省为今天", "business date, today unless given"),
    ),
]
OutputOption = Annotated[Output, typer.Option("--output", "-o", help=said("输出格式", "form of the answer"))]
StrictOption = Annotated[
    bool, typer.Option("--strict", help=said("警告按错误计", "count warnings as errors"))
]
KubeconfigOption = Annotated[
    Path | None,
    typer.Option(
        "--kubeconfig",
        help=said("全部 Kubernetes 接入点改用此文件", "bind all Kubernetes endpoints to this file"),
    ),
]
CloudOption = Annotated[
    str | None,
    typer.Option(
        "--os-cloud",
        metavar="NAME",
        help=said(
            "全部 OpenStack 接入点改用 clouds.yaml 中的此项",
            "bind all OpenStack endpoints to this entry of clouds.yaml",
        ),
    ),
]

_COMMON: dict[str, tuple[Any, Any]] = {
    "tenants": (TenantsOption, None),
    "state": (StateOption, Path(".yunjin")),
    "as_of": (AsOfOption, None),
    "lang": (LangOption, Language.ZH),
    "output": (OutputOption, Output.TABLE),
    "strict": (StrictOption, False),
    "kubeconfig": (KubeconfigOption, None),
    "os_cloud": (CloudOption, None),
}


def business_date(written: str | None) -> date:
    """The day that decides names, clocks and validity.

    Raises:
        UsageError: not a date as YYYY-MM-DD, whose other forms in ISO 8601 are read by few people; or one of
            another age.
    """
    if written is None:
        return datetime.now(TIME_ZONE).date()
    try:
        found = date.fromisoformat(written if _DATE.fullmatch(written) else "")
    except ValueError:
        raise UsageError(
            Text(f"业务日期 {written!r} 不是有效日期", f"{written!r} is not a date"),
            Text("写成 2026-11-22 的形式", "write it as 2026-11-22"),
        ) from None
    if not _FIRST <= found <= _LAST:
        raise UsageError(
            Text(f"业务日期 {written!r} 超出范围", f"{written!r} is out of range"),
            Text(
                f"写 {_FIRST} 至 {_LAST} 之间的日期, 如 2026-11-22",
                f"write a day from {_FIRST} to {_LAST}, such as 2026-11-22",
            ),
        )
    return found


def moment(at: datetime) -> str:
    """A moment as people in the city read it."""
    return f"{at.astimezone(TIME_ZONE):%Y-%m-%d %H:%M:%S}"


def shipped_estate() -> Path:
    """The declared state of Panjin that comes with the package."""
    return Path(str(resources.files("yunjin") / "_data" / "tenants"))


def declared_folder(given: Path | None) -> Path:
    """Where the declared files are: as given, else `tenants/` of the working directory, else Panjin's."""
    return given or (Path("tenants") if Path("tenants").is_dir() else shipped_estate())


def _session(options: dict[str, Any]) -> Session:
    return Session(
        tenants=declared_folder(options["tenants"]),
        state=options["state"],
        as_of=business_date(options["as_of"]),
        lang=options["lang"].value,
        output=options["output"],
        strict=options["strict"],
        kubeconfig=options["kubeconfig"],
        os_cloud=options["os_cloud"],
        dated=options["as_of"] is not None,
    )


def command(app: typer.Typer, name: str, summary: Text) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """Register a function `(session, own parameters...) -> exit code` with the common options added."""

    def register(function: Callable[..., int]) -> Callable[..., int]:
        own = list(inspect.signature(function, eval_str=True).parameters.values())[1:]
        common = [
            inspect.Parameter(key, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default)
            for key, (annotation, default) in _COMMON.items()
        ]

        @functools.wraps(function)
        def run(**arguments: Any) -> None:
            options = {key: arguments.pop(key) for key in _COMMON}
            raise typer.Exit(_guarded(function, options, arguments))

        signature = inspect.Signature(
            [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own] + common
        )
        run.__signature__ = signature  # type: ignore[attr-defined]  # typer reads the options from here
        run.__annotations__ = {key: p.annotation for key, p in signature.parameters.items()}
        app.command(name, cls=Command, help=summary.of(help_lang()))(run)
        return function

    return register


def _guarded(function: Callable[..., int], options: dict[str, Any], arguments: dict[str, Any]) -> int:
    from yunjin_cli import logs
    from yunjin_cli.output import show_error

    logs.plain()
    session: Session | None = None
    try:
        session = _session(options)
        return function(session, **arguments)
    except YunjinError as error:
        shown = _with_names(session, error) if session else error
        show_error(shown, options["lang"].value, options["output"])
        return error.exit_code


def _with_names(session: Session, error: YunjinError) -> YunjinError:
    """What the ledger says of nodes, with their names where the declared files can be read."""
    from yunjin.engine.naming import named, speaks_of_nodes

    if not speaks_of_nodes(error):
        return error
    try:
        return named(error, session.estate(), session.as_of)
    except YunjinError:
        return error
