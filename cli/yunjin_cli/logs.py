"""The log, always on standard error: for people on a terminal, one JSON object a line anywhere else.

`plain` is called before every command, `configure` by the controller, which goes on. Calls structlog and
the standard library's logging, through which libraries and the Kubernetes SDK speak. Promises that nothing of
the log is on standard output, that no local variable of a program in trouble gets into it, for that may
be a secret, and that what others have named does nothing to a terminal.
"""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING

from yunjin.model.signs import written_out

if TYPE_CHECKING:
    from structlog.typing import EventDict, Processor


def plain() -> None:
    """For a command that ends soon: warnings and errors as text, for which structlog is not loaded."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Plain("%(levelname)s %(message)s"))
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
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
    shared.append(_written_out if people else structlog.processors.format_exc_info)
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


class _Plain(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return written_out(super().format(record))


def _written_out(logger: object, method: str, event: EventDict) -> EventDict:
    """JSON writes such signs out by itself, and so does `repr` in what is no text."""
    del logger, method
    return {key: written_out(value) if isinstance(value, str) else value for key, value in event.items()}


def _hush() -> None:
    """Every retry of every request would be a line; what comes of them is told once, at the end."""
    for library in ("urllib3", "keystoneauth"):
        logging.getLogger(library).setLevel(logging.ERROR)
