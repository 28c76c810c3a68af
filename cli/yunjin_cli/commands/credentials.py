"""Credentials of tenants: issue, rotate, revoke, list.

Calls `yunjin.engine.credentials`. A kubeconfig, a clouds.yaml or both are written once, to new files only
their owner can read or to standard output, and are kept nowhere else.
"""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from enum import StrEnum
from pathlib import Path  # noqa: TC003 (typer reads it)
from typing import TYPE_CHECKING, Annotated, Final, TextIO

import typer

from yunjin.errors import PermanentError, Text, UsageError
from yunjin.model.words import word
from yunjin_cli.commands.estate import found
from yunjin_cli.output import Column, Row, Told, say, show_rows, show_value
from yunjin_cli.reservations import life
from yunjin_cli.session import Output, Session, command, moment
from yunjin_cli.speech import group, said

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from yunjin.engine.credentials import Deliver, Desk, Issued, Revoked
    from yunjin.store import Credential

credential = group("用云单位的凭据", "credentials of a tenant")

_SUFFIXES: Final = {"kubernetes": "kubeconfig", "openstack": "clouds.yaml"}
"""By technology, what is added to --out where a tenant gets two files."""
CLEAR: Final = "yunjin tenant credential revoke --ended"


class Role(StrEnum):
    """What a credential may do."""

    ADMIN = "admin"
    VIEWER = "viewer"


_OUT: Final = said(
    "写入新文件; 两种底座都有时, 文件名后加 .kubeconfig 和 .clouds.yaml",
    "write to a new file; where there are two, .kubeconfig and .clouds.yaml are added to its name",
)


@command(credential, "issue", Text("签发凭据", "issue a credential"))
def issue(
    session: Session,
    tenant: Annotated[str, typer.Argument(help=said("用云单位编号", "id of the tenant"))],
    to: Annotated[str, typer.Option("--to", help=said("领用岗位或厂商", "post or vendor it is handed to"))],
    role: Annotated[Role, typer.Option("--role", help=said("权限", "rights"))] = Role.VIEWER,
    expires: Annotated[
        str, typer.Option("--expires", help=said("有效期, 如 12h、30d", "life time: 12h, 30d"))
    ] = "30d",
    out: Annotated[Path | None, typer.Option("--out", help=_OUT)] = None,
) -> int:
    """A kubeconfig with one context a namespace, a clouds.yaml with one cloud a project, shown once."""
    from yunjin.engine.credentials import Handed

    found(session.estate().tenants, tenant, word("tenant"))
    handed = Handed(role.value, to, life(expires))
    if out is None and session.output is not Output.TABLE:
        raise UsageError(
            Text("JSON 或 YAML 应答中不含凭据", "an answer in JSON or YAML holds no credential"),
            Text("用 --out 指明写入的文件", "name a file for it with --out"),
        )
    with desk(session) as at:
        if out is None:
            at.issue(tenant, handed, _on_screen(at.technologies(tenant)))
            return 0
        files = _files(at.technologies(tenant), out)
        with _new_files(files) as deliver:
            issued = at.issue(tenant, handed, deliver)
        record = at.record(issued.id)
    if session.output is not Output.TABLE:
        show_value(session, {**_row(record), "expires": issued.expires, "files": files})
    _say_issued(session, issued, files)
    return 0


@command(credential, "rotate", Text("更换凭据", "replace a credential"))
def rotate(
    session: Session,
    number: Annotated[str, typer.Argument(help=said("凭据编号", "id of the credential"))],
    out: Annotated[Path, typer.Option("--out", help=_OUT)],
    overlap: Annotated[
        str | None,
        typer.Option(
            "--overlap",
            help=said("旧凭据继续有效的时间, 如 12h; 缺省立即收回", "how long the old one goes on: 12h"),
        ),
    ] = None,
) -> int:
    """A new one with the same rights, post and life time; the old one ends once that is written."""
    beside = life(overlap) if overlap else timedelta()
    with desk(session) as at:
        files = _files(at.technologies(at.record(number).tenant), out)
        with _new_files(files) as deliver:
            issued = at.renew(number, deliver)
        _say_issued(session, issued, files)
        ended = at.retire(number, beside)
        old, new = at.record(number), at.record(issued.id)
    if session.output is not Output.TABLE:
        issue_row = {**_row(new), "expires": issued.expires, "files": files}
        show_value(session, {**issue_row, "replaces": _ended_row(old, ended)})
    if ended:
        _say_revoked(session, ended)
    else:
        until = moment(old.expires)
        say(
            session,
            Text(
                f"旧凭据 {number} 在 {until} 收回: 由控制器执行, 或届时运行 {CLEAR}",
                f"the old credential {number} ends at {until}: by the controller, or by {CLEAR} after that",
            ),
        )
    return 0


@contextmanager
def desk(session: Session) -> Iterator[Desk]:
    """All that issuing and revoking needs, with store and connections open."""
    from yunjin.engine.credentials import Desk
    from yunjin.engine.endpoints import connect

    estate = session.estate()
    with (
        session.store() as store,
        connect(estate, session.state, session.accesses(estate)) as endpoints,
    ):
        yield Desk(estate, endpoints, store)


def _files(technologies: Sequence[str], out: Path) -> dict[str, Path]:
    """Where the file of each technology goes."""
    if len(technologies) == 1:
        return {technologies[0]: out}
    return {each: out.with_name(f"{out.name}.{_SUFFIXES[each]}") for each in technologies}


def _on_screen(technologies: Sequence[str]) -> Deliver:
    """Raises UsageError where there is more than one file: no program would read them from one stream."""
    if len(technologies) > 1:
        raise UsageError(
            Text(
                "凭据有 kubeconfig 和 clouds.yaml 两个文件",
                "there are a kubeconfig and a clouds.yaml",
            ),
            Text("用 --out 指明写入的文件", "name a file for them with --out"),
        )

    def deliver(texts: Mapping[str, str]) -> None:
        sys.stdout.write("".join(texts.values()))
        sys.stdout.flush()

    return deliver


@contextmanager
def _new_files(files: Mapping[str, Path]) -> Iterator[Deliver]:
    """Opened before there is a secret; gone again where none comes."""
    with ExitStack() as stack:
        opened = {technology: stack.enter_context(_new_file(path)) for technology, path in files.items()}

        def deliver(texts: Mapping[str, str]) -> None:
            for technology, text in texts.items():
                try:
                    opened[technology].write(text)
                    opened[technology].flush()
                except OSError as error:
                    raise _unwritten(files[technology], error) from error

        yield deliver


@contextmanager
def _new_file(path: Path) -> Iterator[TextIO]:
    """A file that only its owner can read.

    Raises:
        UsageError: it exists already, or cannot be made.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError as error:
        raise UsageError(
            Text(f"文件 {path} 已存在", f"{path} exists"), Text("换一个文件名", "choose another name")
        ) from error
    except OSError as error:
        raise UsageError(
            Text(f"无法写入 {path}: {error.strerror}", f"cannot write {path}: {error.strerror}"),
            Text("检查 --out 的路径和权限", "check the path after --out and its permissions"),
        ) from error
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        try:
            yield file
        except BaseException:
            path.unlink(missing_ok=True)
            raise


def _unwritten(path: Path, error: OSError) -> PermanentError:
    return PermanentError(
        Text(f"无法写入 {path}: {error.strerror}", f"cannot write {path}: {error.strerror}"),
        Text("凭据已收回; 腾出空间后重新签发", "the credential was taken back; make room and issue it again"),
    )


@command(credential, "revoke", Text("收回凭据", "revoke a credential"))
def revoke(
    session: Session,
    number: Annotated[str | None, typer.Argument(help=said("凭据编号", "id of the credential"))] = None,
    *,
    ended: Annotated[
        bool, typer.Option("--ended", help=said("清理全部已到期的凭据", "clear away all whose time is over"))
    ] = False,
) -> int:
    """End it everywhere, and say until when its tokens may still be accepted."""
    if ended == (number is not None):
        raise UsageError(
            Text("凭据编号和 --ended 应给出其一", "name a credential, or give --ended"),
            Text("用 yunjin tenant credential list 查看编号", "see yunjin tenant credential list"),
        )
    with desk(session) as at:
        if number is None:
            return _clear_away(session, at)
        done = at.revoke(number)
    if session.output is not Output.TABLE:
        show_value(session, _ended_row(done.record, done))
    _say_revoked(session, done)
    return 0


def _clear_away(session: Session, at: Desk) -> int:
    from yunjin.engine.credentials import end_due

    cleared = end_due(at)
    rows = [{**_row(record), "error": error.message if error else None} for record, error in cleared]
    show_rows(session, (*_COLUMNS[:4], _COLUMNS[6], Column("error", Text("未能收回的原因", "why not"))), rows)
    return int(any(error is not None for _, error in cleared))


def _ended_row(record: Credential, ended: Revoked | None) -> Row:
    return {**_row(record), "accepted_until": dict(ended.accepted_until) if ended else None}


def _say_issued(session: Session, issued: Issued, files: Mapping[str, Path]) -> None:
    written = ", ".join(str(path) for path in files.values())
    say(
        session,
        Text(
            f"凭据 {issued.id} 已写入 {written}, {moment(issued.expires)} 到期",
            f"credential {issued.id} written to {written}, ends {moment(issued.expires)}",
        ),
    )


def _say_revoked(session: Session, ended: Revoked) -> None:
    record, latest = ended.record, max(ended.accepted_until.values())
    say(
        session,
        Text(
            f"凭据 {record.id}({record.tenant}, {record.post})已收回, "
            f"各服务最迟于 {moment(latest)} 拒绝其令牌",
            f"credential {record.id} ({record.tenant}, {record.post}) revoked; refused everywhere by "
            f"{moment(latest)}",
        ),
    )
    if ended.slow:
        named = ", ".join(ended.slow)
        say(
            session,
            Text(
                f"{named} 记住令牌超过 1 分钟, 见 yunjin doctor",
                f"{named} remembers tokens for more than a minute, see yunjin doctor",
            ),
            "yellow",
        )


_COLUMNS = (
    Column("id", Text("编号", "id")),
    Column("tenant", word("tenant")),
    Column("role", Text("权限", "rights")),
    Column("post", Text("领用岗位", "handed to")),
    Column("leaves", word("leaf")),
    Column("issued", Text("签发", "issued")),
    Column("expires", Text("到期", "ends")),
    Column("revoked", Text("收回", "revoked")),
)


@command(credential, "list", Text("列出凭据", "list credentials"))
def credential_list(
    session: Session,
    tenant: Annotated[
        str | None,
        typer.Argument(help=said("用云单位编号, 缺省列出有效的", "id of a tenant, else all that hold")),
    ] = None,
) -> int:
    """What was issued to whom, never the secret."""
    with session.store() as store:
        records = store.credentials.of(tenant) if tenant else store.credentials.holding()
    show_rows(session, _COLUMNS, [_row(record) for record in records])
    return 0


def _row(record: Credential) -> Row:
    return {
        "id": record.id,
        "tenant": record.tenant,
        "role": record.role,
        "post": record.post,
        "leaves": [f"{endpoint}/{leaf}" for endpoint, leaf in record.leaves],
        "issued": _when(record.issued),
        "expires": _when(record.expires),
        "revoked": _when(record.revoked) if record.revoked else None,
    }


def _when(at: datetime) -> Told:
    return Told(at, Text(moment(at), moment(at)))
