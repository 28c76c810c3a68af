"""Where the city's days begin and end.

Used by whoever shows a moment or asks which day it was. Calls nothing.
"""

from __future__ import annotations

from typing import Final
from zoneinfo import ZoneInfo

TIME_ZONE: Final = ZoneInfo("Asia/Shanghai")
