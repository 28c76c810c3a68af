"""Credentials of tenants: issue, revoke, list.

Calls `yunjin.engine.credentials`. A kubeconfig is written once, to a new file only its owner can read or to
standard output, and is kept nowhere else.
"""

from __future__ import annotations

import os
import re
import sys
from datetime import timedelta
from enum import StrEnum
from pathlib import Path  # noqa: TC003 (typer reads it)
from typing import TYPE_CHECKING, Annotated

import typer

from yunjin.errors import Text, UsageError
from yunjin.model.words import word
from yunjin_cli.commands.estate import found
from yunjin_cli.output import Column, Row, say, show_rows
from yunjin_cli.session import Session, command, moment
from yunjin_cli.speech import group, said

if TYPE_CHECKING:
    from yunjin.store import Credential

credential = group("用云单位的凭据", "credentials of a tenant")


class Role(StrEnum):
    """What a credential may do."""

    ADMIN = "admin"
    VIEWER = "viewer"


def _life(written: str) -> timedelta:
    match = re.fullmatch(r"(\d{1,4})([hd])", written)
    if not match:
        raise UsageError(
            Text(f"有效期 {written!r} 无法识别", f"{written!r} is no life time"),
            Text("写成 12h 或 30d", "write 12h or 30d"),
        )
    count = int(match[1])
    return timedelta(hours=count) if match[2] == "h" else timedelta(days=count)


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
    from yunjin.engine.endpoints import accesses, connect
    from yunjin.store import Store

    estate = session.estate()
    found(estate.tenants, tenant, word("tenant"))
    if out and out.exists():
        raise UsageError(
            Text(f"文件 {out} 已存在", f"{out} exists"), Text("换一个文件名", "choose another name")
        )
    with (
        Store.open(session.state) as store,
        connect(estate, session.state, accesses(estate, session.kubeconfig)) as endpoints,
    ):
        issued = credentials.issue(estate, endpoints, store, tenant, role.value, to, _life(expires))
    if out:
        descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(issued.kubeconfig)
        say(
            session,
            Text(
                f"凭据 {issued.id} 已写入 {out}, {moment(issued.expires)} 到期",
                f"credential {issued.id} written to {out}, ends {moment(issued.expires)}",
            ),
        )
    else:
        sys.stdout.write(issued.kubeconfig)
    return 0


@command(credential, "revoke", Text("收回凭据", "revoke a credential"))
def revoke(
    session: Session, number: Annotated[str, typer.Argument(help=said("凭据编号", "id of the credential"))]
) -> int:
    """End it on every cluster; they refuse its tokens within about ten seconds."""
    from yunjin.engine import credentials
    from yunjin.engine.endpoints import accesses, connect
    from yunjin.store import Store

    estate = session.estate()
    with (
        Store.open(session.state) as store,
        connect(estate, session.state, accesses(estate, session.kubeconfig)) as endpoints,
    ):
        record = credentials.revoke(estate, endpoints, store, number)
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
    from yunjin.store import Store

    with Store.open(session.state) as store:
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
        "issued": moment(record.issued),
        "expires": moment(record.expires),
        "revoked": moment(record.revoked) if record.revoked else None,
    }
