"""Reading an answer of which somebody else decides how long it is, and how fast it comes.

Called by the clients of every technology that speaks HTTP. Calls nothing but the response. Promises that
neither an endless answer nor one that comes drop by drop holds its caller: the socket's own time-out counts
the silence between two drops alone.
"""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse

_PIECE: Final = 1 << 18


def read_body(response: BaseHTTPResponse, most: int, seconds: float) -> bytes | None:
    """The body of an answer; None where it has more than `most` bytes.

    Raises:
        TimeoutError: it is not there after so many seconds. urllib3's own, where the connection breaks.
    """
    deadline = monotonic() + seconds
    body = bytearray()
    while piece := response.read1(_PIECE, decode_content=True):
        body += piece
        if len(body) > most:
            response.close()
            return None
        if monotonic() > deadline:
            response.close()
            raise TimeoutError
    return bytes(body)
