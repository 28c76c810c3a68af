"""Signs that have no place in a text for people, because they act instead of being seen.

Used by `yunjin.estate`, which refuses them in declared files, and by the command line and its log, which
write them out. Calls nothing. Promises that a text in which they are written out moves no cursor, colours
nothing and turns no line around.
"""

from __future__ import annotations

import re
from typing import Final

FORBIDDEN: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)
"""Controls but tab and line feed, other line ends that editors count differently, signs that turn the
direction of writing (what people see is then not what is meant), a byte order mark, halves of a character."""


def written_out(text: str) -> str:
    """The text with each of `FORBIDDEN` as a Python string has it: backslash, `x1b`."""
    return FORBIDDEN.sub(lambda found: found[0].encode("unicode_escape").decode(), text)
