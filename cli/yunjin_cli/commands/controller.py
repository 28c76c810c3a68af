"""`yunjin controller run`: keep what is declared true, until told to stop.

Calls `yunjin.engine.controller`. Ends cleanly at SIGTERM and SIGINT.
"""

from __future__ import annotations

import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Final

import typer

from yunjin.errors import Text
from yunjin_cli.commands.spine import spine
from yunjin_cli.objects import AccessOption  # noqa: TC001 (typer reads it)
from yunjin_cli.output import say
from yunjin_cli.session import Session, business_date, command
from yunjin_cli.speech import group, said

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from yunjin.engine.controller import Controller
    from yunjin.engine.spine import Spine
    from yunjin.model.estate import Estate

controller = group("控制器", "the controller")

_ENDING: Final = frozenset({signal.SIGTERM, signal.SIGINT})
_LOOK_UP: Final = 0.5
"""Seconds between two looks whether the controller still runs."""


IntervalOption = Annotated[
    float | None,
    typer.Option(
        "--interval",
        min=0.5,
        help=said("全量对照间隔(秒), 缺省按策略 sweep-interval", "seconds between sweeps"),
    ),
]
PortOption = Annotated[
    int,
    typer.Option(
        "--metrics-port",
        min=0,
        max=65535,
        help=said("指标端口, 0 为任取", "port of the metrics, 0 takes any"),
    ),
]
AddressOption = Annotated[
    str, typer.Option("--metrics-address", help=said("指标监听地址", "address of the metrics"))
]
HeadsOption = Annotated[
    str | None,
    typer.Option(
        "--heads",
        help=said(
            "审计链头每小时导出到此目录或 s3://存储桶/前缀",
            "export heads of the audit to this folder or s3://bucket/prefix every hour",
        ),
    ),
]


@command(
    controller, "run", Text("持续对照登记, 恢复或上报差异", "sweep for ever: repair or report what differs")
)
def run(
    session: Session,
    interval: IntervalOption = None,
    metrics_port: PortOption = 9108,
    metrics_address: AddressOption = "127.0.0.1",
    heads: HeadsOption = None,
    s3_access: AccessOption = "",
) -> int:
    """A full sweep every interval is the truth; watches shorten the wait. SIGTERM ends it cleanly."""
    from yunjin.engine.choices import audit_retention, seconds_asked
    from yunjin.engine.controller import Controller
    from yunjin.engine.metrics import Metrics
    from yunjin.engine.sealing import Sealing
    from yunjin.store.objects import open_objects
    from yunjin_cli import logs

    @contextmanager
    def opened(estate: Estate, day: date) -> Iterator[Spine]:
        with spine(replace(session, as_of=day), estate) as made:
            yield made

    def today() -> date:
        return session.as_of if session.dated else business_date(None)

    logs.configure()
    if interval is not None:
        seconds_asked(interval)
    place = open_objects(heads, s3_access) if heads else None
    keep_days = audit_retention(session.estate()) if heads else 0
    metrics = Metrics()
    # Before any thread begins: threads inherit it, and the signals wait for `_until_told`.
    signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
    port, end = metrics.serve(metrics_address, metrics_port)
    where = f"http://{metrics_address}:{port}/metrics"
    say(session, Text(f"控制器已启动, 指标 {where}", f"controller started, metrics at {where}"))
    try:
        with Sealing(session.store, place, keep_days):
            _until_told(Controller(session.tenants, opened, today, metrics, interval))
    finally:
        end()
    say(session, Text("控制器已停止", "controller stopped"))
    return 0


def _until_told(controller: Controller) -> None:
    """Run it in a thread of its own until a signal ends it.

    A handler of signals runs in the midst of whatever its thread does, and could wait for a lock which this
    very thread holds.
    """
    stop = threading.Event()
    with ThreadPoolExecutor(1, "yunjin-controller") as pool:
        work = pool.submit(controller.run, stop)
        while not work.done() and signal.sigtimedwait(_ENDING, _LOOK_UP) is None:
            pass
        stop.set()
        work.result()
