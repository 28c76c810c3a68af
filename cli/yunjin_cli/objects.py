"""Options about places outside the state, shared by the commands on heads and backups.

Used by `yunjin_cli.commands`; calls typer alone.
"""

from __future__ import annotations

from typing import Annotated

import typer

from yunjin_cli.speech import said

AccessOption = Annotated[
    str,
    typer.Option(
        "--s3-access",
        envvar="YUNJIN_S3_ACCESS",
        metavar="env:NAME|file:PATH",
        help=said("对象存储的凭据文件", "file with the credentials of the object store"),
    ),
]
