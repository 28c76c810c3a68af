"""Signs that have no place in a text for people, because they act instead of being seen.

Used by `yunjin.estate`, which refuses them in declared files, and by the command line and its log, which
write them out. Calls nothing. Promises that a text in which they are written out moves no cursor, colours
nothing and turns no line around.
"""

from __future__ import annotations

import re
from typing import Final

FORBIDDEN: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff"
    "\ufeff\ufff9-\ufffb\ufffe\uffff\U000e0000-\U000e007f]"
)
"""Controls but tab and line feed, other line ends that editors count differently, signs that turn the
direction of writing (what people see is then not what is meant), signs without width (two texts that look the
same would be two), a byte order mark, halves of a character."""


def written_out(text: str) -> str:
    """The text with each of `FORBIDDEN` as a Python string has it: backslash, `x1b`."""
    return FORBIDDEN.sub(lambda found: found[0].encode("unicode_escape").decode(), text)
