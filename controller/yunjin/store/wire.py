"""How a write travels from one process to another: frames of JSON, and errors in them.

Used by `service` and `remote`. A frame is its length in four bytes, then JSON. Promises that a frame longer
than `LIMIT` is neither sent nor read, and that an error arrives as the class it was raised as.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from yunjin import errors
from yunjin.errors import DeclaredError, PermanentError, Text, UsageError, YunjinError

if TYPE_CHECKING:
    from collections.abc import Iterator

LIMIT: Final = 16 << 20
"""The most bytes of one request or answer."""
PROTOCOL: Final = 1
"""Both sides must speak the same; it grows with each change of what the messages mean."""
_HEAD: Final = 4


class Garbled(Exception):  # noqa: N818 (the peer is at fault; its connection ends)
    """What came in is no message of ours."""


def frame(message: dict[str, Any]) -> bytes:
    """The bytes of a message.

    Raises:
        UsageError: it is longer than `LIMIT`.
        TypeError: it holds what JSON cannot say.
    """
    body = json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()
    if len(body) > LIMIT:
        raise UsageError(
            Text(
                f"一次写入 {len(body)} 字节, 上限 {LIMIT}",
                f"one write has {len(body)} bytes, at most {LIMIT} are taken",
            ),
            Text("请分批处理", "do it in several steps"),
        )
    return len(body).to_bytes(_HEAD, "big") + body


class Frames:
    """Puts messages together from the pieces in which they arrive."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, piece: bytes) -> Iterator[tuple[dict[str, Any], int]]:
        """The messages that are whole now, each with its length. Raises Garbled."""
        self._buffer += piece
        start = 0
        try:
            while len(self._buffer) - start >= _HEAD:
                length = int.from_bytes(self._buffer[start : start + _HEAD], "big")
                if length > LIMIT:
                    raise Garbled
                end = start + _HEAD + length
                if len(self._buffer) < end:
                    break
                body = self._buffer[start + _HEAD : end]
                start = end
                yield _message(body), length
        finally:
            del self._buffer[:start]


def _message(body: bytearray) -> dict[str, Any]:
    try:
        message = json.loads(body)
    except (ValueError, RecursionError):
        raise Garbled from None
    if not isinstance(message, dict):
        raise Garbled
    return message


def written(error: BaseException) -> dict[str, Any]:
    """An error as data. One that is not of `yunjin.errors` is a fault of the program and says so."""
    if not isinstance(error, YunjinError) or isinstance(error, DeclaredError):
        words = f"{type(error).__name__}: {error}"
        error = PermanentError(Text(f"写入操作出错: {words}", f"the write failed: {words}"))
    known = next(kind for kind in type(error).__mro__ if kind.__module__ == errors.__name__)
    remedy = error.remedy
    return {
        "class": known.__name__,
        "message": [error.message.zh, error.message.en],
        "remedy": remedy and [remedy.zh, remedy.en],
        "facts": dict(error.facts),
    }


def read(data: dict[str, Any]) -> YunjinError:
    """The error that `written` wrote."""
    kind = getattr(errors, data["class"])
    remedy = data["remedy"] and Text(*data["remedy"])
    error: YunjinError = kind(Text(*data["message"]), remedy, facts=data["facts"])
    return error
