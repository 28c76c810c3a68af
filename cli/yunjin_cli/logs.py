"""The log, always on standard error: for people on a terminal, one JSON object a line anywhere else.

`plain` is called before every command, `configure` by the controller, which goes on. Calls structlog and
the standard library's logging, through which libraries and the Kubernetes SDK speak. Promises that nothing of
the log is on standard output, and that no local variable of a program in trouble gets into it, for that may
be a secret.
"""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from structlog.typing import Processor


def plain() -> None:
    """For a command that ends soon: warnings and errors as text, for which structlog is not loaded."""
    logging.basicConfig(
        stream=sys.stderr, level=logging.WARNING, format="%(levelname)s %(message)s", force=True
    )
    _hush()


def configure() -> None:
    """For the controller: every line from now on goes to standard error as it is now."""
    import structlog

    people = sys.stderr.isatty()
    render: Processor = (
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
        if people
        else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    shared: list[Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if not people:
        shared.append(structlog.processors.format_exc_info)
    structlog.configure(
        processors=[*shared, render],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, render],
        )
    )
    # Below a warning the SDK writes whole answers of the server, tokens included.
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    _hush()


def _hush() -> None:
    """Every retry of every request would be a line; what comes of them is told once, at the end."""
    logging.getLogger("urllib3").setLevel(logging.ERROR)
