"""What a cluster answered to one request, before anybody says what that means.

Made by `client`, read by whoever asked and by `errors`. Calls `hints`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from yunjin.substrates import hints

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from yunjin.errors import Text

REFUSED: Final = 300
"""From here on nothing was granted; redirects are not followed, a credential goes to one address alone."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back.

    Attributes:
        status: a failure as Kubernetes describes it; empty where the answer was not Kubernetes' own.
        text: the beginning of an answer that is not JSON.
        retry_after: seconds the server asks to wait.
        date: when it answered by its own clock, as HTTP writes it; empty where it does not tell.
        ended: of a credential that was not accepted, what has expired and when; None where that is not why.
    """

    code: int
    reason: str
    body: dict[str, Any]
    text: str = ""
    retry_after: float | None = None
    date: str = ""
    ended: tuple[Text, datetime] | None = None

    @property
    def at(self) -> datetime | None:
        """`date` as a moment; None where it does not tell."""
        return hints.moment(self.date)

    @property
    def ok(self) -> bool:
        """Whether the request was granted."""
        return self.code < REFUSED

    @property
    def status(self) -> Mapping[str, Any]:
        """The Kubernetes Status object of a refusal, else empty."""
        return self.body if self.body.get("kind") == "Status" else {}
