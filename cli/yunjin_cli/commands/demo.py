"""`yunjin demo`: the main job on the embedded default, in lines a newcomer can follow.

Calls `yunjin_cli.walk` on a copy of the declared files and a state folder that are both thrown away.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from yunjin.errors import Text
from yunjin_cli.session import Session, command, shipped_estate

if TYPE_CHECKING:
    import typer


def register(app: typer.Typer) -> None:
    """Add the command to the top level."""
    command(app, "demo", Text("在模拟底座上走一遍主流程", "walk the main job on the simulated substrate"))(
        demo
    )


def demo(session: Session) -> int:
    """Load Panjin, refuse what it may not declare, plan, apply, apply again, and refuse what does not fit.

    Exit 1 where a step did not end as it should.
    """
    began = time.monotonic()
    from yunjin_cli.walk import DAY, Walk

    with tempfile.TemporaryDirectory(prefix="yunjin-demo-") as folder:
        tenants = Path(folder) / "tenants"
        shutil.copytree(shipped_estate(), tenants)
        walk = Walk(
            replace(
                session,
                tenants=tenants,
                state=Path(folder) / "state",
                as_of=DAY,
                kubeconfig=None,
                os_cloud=None,
            )
        )
        walk.load()
        walk.overreach()
        walk.provision()
        walk.repeat()
        walk.shortage()
        walk.close(time.monotonic() - began)
    return int(not walk.as_promised)
