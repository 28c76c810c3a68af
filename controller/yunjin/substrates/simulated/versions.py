"""Which version of an object a caller means, on a simulated cluster and a simulated cloud alike.

Read by both. Calls nothing.
"""

from __future__ import annotations

from typing import Final

ANY: Final = "*"
"""No matter which, and whether there is one."""
NONE: Final = ""
"""There must be no such object."""


class StaleError(Exception):
    """The object has another version than the caller named."""
