"""`yunjin controller run`: keep what is declared true, until told to stop.

Calls `yunjin.engine.controller`. Ends cleanly at SIGTERM and SIGINT.
"""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from yunjin.errors import Text
from yunjin_cli.commands.spine import spine
from yunjin_cli.output import say
from yunjin_cli.session import Session, business_date, command
from yunjin_cli.speech import group, said

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from yunjin.engine.spine import Spine
    from yunjin.model.estate import Estate

controller = group("控制器", "the controller")


@command(
    controller, "run", Text("持续对照登记, 恢复或上报差异", "sweep for ever: repair or report what differs")
)
def run(
    session: Session,
    interval: Annotated[
        float, typer.Option("--interval", min=0.5, help=said("全量对照间隔(秒)", "seconds between sweeps"))
    ] = 60.0,
    metrics_port: Annotated[
        int,
        typer.Option(
            "--metrics-port",
            min=0,
            max=65535,
            help=said("指标端口, 0 为任取", "port of the metrics, 0 takes any"),
        ),
    ] = 9108,
    metrics_address: Annotated[
        str, typer.Option("--metrics-address", help=said("指标监听地址", "address of the metrics"))
    ] = "127.0.0.1",
) -> int:
    """A full sweep every interval is the truth; watches shorten the wait."""
    from yunjin.apply import Settings
    from yunjin.engine.controller import Controller
    from yunjin.engine.metrics import Metrics

    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())

    @contextmanager
    def opened(estate: Estate, day: date) -> Iterator[Spine]:
        with spine(replace(session, as_of=day), estate) as made:
            yield made

    def today() -> date:
        return session.as_of if session.dated else business_date(None)

    metrics = Metrics()
    port, end = metrics.serve(metrics_address, metrics_port)
    say(
        session,
        Text(
            f"控制器已启动: 每 {interval:g} 秒全量对照, 指标 http://{metrics_address}:{port}/metrics",
            f"controller started: a sweep every {interval:g} s, metrics at http://{metrics_address}:{port}/metrics",
        ),
    )
    try:
        Controller(session.tenants, opened, today, metrics, interval, Settings()).run(stop)
    finally:
        end()
    say(session, Text("控制器已停止", "controller stopped"))
    return 0
