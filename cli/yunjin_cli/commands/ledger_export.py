"""`yunjin ledger export`: the whole ledger as one document, for comparison and for `validate --snapshot`.

Calls `yunjin.ledger.export`. Changes nothing.
"""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 (typer reads it)
from typing import Annotated

import typer

from yunjin.errors import Text
from yunjin_cli.files import written
from yunjin_cli.ledgers import asked
from yunjin_cli.output import say, show_value
from yunjin_cli.session import Output, Session, command
from yunjin_cli.speech import said


def register(ledger: typer.Typer) -> None:
    """Add the command to the group."""
    summary = Text("导出整个台账(审计记录除外)", "export the whole ledger, audit rows apart")
    command(ledger, "export", summary)(export)


def export(
    session: Session,
    out: Annotated[
        Path | None, typer.Option("--out", help=said("写入新文件, 缺省到标准输出", "write to a new file"))
    ] = None,
    sign: Annotated[
        str,
        typer.Option(
            "--sign",
            envvar="YUNJIN_SIGNING_KEY",
            metavar="env:NAME|file:PATH",
            help=said("用此 Ed25519 私钥签名", "sign it with this Ed25519 key"),
        ),
    ] = "",
) -> int:
    """Equal ledgers give equal bytes, whichever database they are in."""
    from yunjin.ledger.export import digest_of, document, read, signed_text

    with asked(session) as store:
        content = read(store.database.rows, store.database.dialect)
    signature = None
    if sign:
        from yunjin.store import signatures

        signature = signatures.sign(signed_text(digest_of(content)), sign)
    with written(out) as file:
        file.write(document(content, signature).encode())
    if out:
        digest = digest_of(content)
        if session.output is not Output.TABLE:
            show_value(session, {"file": out, "digest": digest, "signed": signature is not None})
        short = digest[:12]
        say(session, Text(f"台账已导出到 {out}, 摘要 {short}", f"ledger exported to {out}, digest {short}"))
    return 0
