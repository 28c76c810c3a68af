"""Credentials of tenants: issue, revoke, list.

Calls `yunjin.engine.credentials`. A kubeconfig is written once, to a new file only its owner can read or to
standard output, and is kept nowhere else.
"""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path  # noqa: TC003 (typer reads it)
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from yunjin.errors import Text, UsageError
from yunjin.model.words import word
from yunjin_cli.commands.estate import found
from yunjin_cli.output import Column, Row, Told, say, show_rows, show_value
from yunjin_cli.reservations import life
from yunjin_cli.session import Output, Session, command, moment
from yunjin_cli.speech import group, said

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from yunjin.engine.endpoints import Endpoints
    from yunjin.model.estate import Estate
    from yunjin.store import Credential, Store

credential = group("用云单位的凭据", "credentials of a tenant")


class Role(StrEnum):
    """What a credential may do."""

    ADMIN = "admin"
    VIEWER = "viewer"


@command(credential, "issue", Text("签发凭据", "issue a credential"))
def issue(
    session: Session,
    tenant: Annotated[str, typer.Argument(help=said("用云单位编号", "id of the tenant"))],
    to: Annotated[str, typer.Option("--to", help=said("领用岗位或厂商", "post or vendor it is handed to"))],
    role: Annotated[Role, typer.Option("--role", help=said("权限", "rights"))] = Role.VIEWER,
    expires: Annotated[
        str, typer.Option("--expires", help=said("有效期, 如 12h、30d", "life time: 12h, 30d"))
    ] = "30d",
    out: Annotated[Path | None, typer.Option("--out", help=said("写入新文件", "write to a new file"))] = None,
) -> int:
    """A kubeconfig with one context a namespace of the tenant, shown once."""
    from yunjin.engine import credentials

    estate = session.estate()
    found(estate.tenants, tenant, word("tenant"))
    handed = credentials.Handed(role.value, to, life(expires))
    if out is None and session.output is not Output.TABLE:
        raise UsageError(
            Text("JSON 或 YAML 应答中不含凭据", "an answer in JSON or YAML holds no credential"),
            Text("用 --out 指明写入的文件", "name a file for it with --out"),
        )
    with _connected(session, estate) as (store, endpoints):
        if out is None:
            sys.stdout.write(credentials.issue(estate, endpoints, store, tenant, handed).kubeconfig)
            return 0
        with _new_file(out) as file:
            issued = credentials.issue(estate, endpoints, store, tenant, handed)
            file.write(issued.kubeconfig)
        record = store.credentials.get(issued.id)
    if session.output is not Output.TABLE and record:
        show_value(session, {**_row(record), "expires": issued.expires, "file": out})
    say(
        session,
        Text(
            f"凭据 {issued.id} 已写入 {out}, {moment(issued.expires)} 到期",
            f"credential {issued.id} written to {out}, ends {moment(issued.expires)}",
        ),
    )
    return 0


@contextmanager
def _connected(session: Session, estate: Estate) -> Iterator[tuple[Store, Endpoints]]:
    from yunjin.engine.endpoints import accesses, connect

    with (
        session.store() as store,
        connect(estate, session.state, accesses(estate, session.kubeconfig, session.os_cloud)) as endpoints,
    ):
        yield store, endpoints


@contextmanager
def _new_file(path: Path) -> Iterator[TextIO]:
    """A file that only its owner can read, opened before there is a secret; gone again where none comes.

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


@command(credential, "revoke", Text("收回凭据", "revoke a credential"))
def revoke(
    session: Session, number: Annotated[str, typer.Argument(help=said("凭据编号", "id of the credential"))]
) -> int:
    """End it on every cluster; they refuse its tokens within about ten seconds."""
    from yunjin.engine import credentials

    with _connected(session, session.estate()) as (store, endpoints):
        record = credentials.revoke(endpoints, store, number)
        ended = store.credentials.get(number) or record
    if session.output is not Output.TABLE:
        show_value(session, _row(ended))
    say(
        session,
        Text(
            f"凭据 {number}({record.tenant}, {record.post})已收回, 约 10 秒内失效",
            f"credential {number} ({record.tenant}, {record.post}) revoked; refused within about 10 s",
        ),
    )
    return 0


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
