"""The log: lines for people on a terminal, one JSON object a line anywhere else, always on standard error.

Called by the commands that reach an endpoint. Calls structlog and the standard library's logging, through
which the Kubernetes SDK speaks. Promises that nothing of the log is on standard output, and that no local
variable of a program in trouble gets into it, for that may be a secret.
"""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from structlog.typing import Processor


def configure() -> None:
    """Send every line from now on to standard error as it is now."""
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
    # Every retry of every request would be a line; what comes of them is told once, at the end.
    logging.getLogger("urllib3").setLevel(logging.ERROR)
