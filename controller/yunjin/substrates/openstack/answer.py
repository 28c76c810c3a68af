"""A service's answer, and the services there are.

Made by `client`, read by every module of this package that speaks to a cloud. Calls nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

REFUSED: Final = 300
"""Answers from here on say no."""


@dataclass(frozen=True, slots=True)
class Service:
    """One service of a cloud.

    Attributes:
        name: as this package, `facts` and a quota's body call it.
        type: as the catalogue calls it.
        title: as people do.
        major: version of its API that is spoken; empty where its address bears none.
        microversion: pinned, whatever the service offers besides.
        microversion_type: the service's name in the header that asks for one.
    """

    name: str
    type: str
    title: str
    major: str = ""
    microversion: str = ""
    microversion_type: str = ""


IDENTITY: Final = Service("identity", "identity", "Keystone", "3")
COMPUTE: Final = Service("compute", "compute", "Nova", "2", "2.79", "compute")
NETWORK: Final = Service("network", "network", "Neutron")
VOLUME: Final = Service("volume", "block-storage", "Cinder", "3", "3.59", "volume")
IMAGE: Final = Service("image", "image", "Glance", "2")
LOAD_BALANCER: Final = Service("load_balancer", "load-balancer", "Octavia", "2")
PLACEMENT: Final = Service("placement", "placement", "Placement", "", "1.31", "placement")


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of any status.

    Attributes:
        body: the decoded answer; empty where it is no JSON object.
        text: the beginning of an answer that says no without JSON.
        retry_after: seconds the service asks to wait; None where it does not.
        date: when it answered by its own clock, as HTTP writes it; empty where it does not tell.
        token: of Keystone, which it issued with this answer.
    """

    service: Service
    code: int
    reason: str
    body: dict[str, Any] = field(default_factory=dict)
    text: str = ""
    retry_after: float | None = None
    date: str = ""
    token: str = field(default="", repr=False)

    @property
    def ok(self) -> bool:
        """Whether it grants what was asked."""
        return self.code < REFUSED

    @property
    def said(self) -> str:
        """The service's own sentence; each service wraps it in a form of its own."""
        for part in self.body.values():
            if isinstance(part, dict) and isinstance(part.get("message"), str):
                return str(part["message"])
            if isinstance(part, str) and part:
                return part
        problems = self.body.get("errors")
        if isinstance(problems, list) and problems and isinstance(problems[0], dict):
            return str(problems[0].get("detail") or problems[0].get("title") or "")
        return self.text or self.reason


def next_page(path: str, body: Mapping[str, Any], name: str) -> str:
    """Path of the page that follows, behind the service's address; empty where there is none.

    Args:
        path: of the page.
        body: of its answer.
        name: what its links are called after.
    """
    links = body.get("links") if isinstance(body.get("links"), dict) else body.get(f"{name}_links")
    following = ""
    if isinstance(links, dict):
        following = str(links.get("next") or "")
    elif isinstance(links, list):
        following = next(
            (str(link.get("href")) for link in links if isinstance(link, dict) and link.get("rel") == "next"),
            "",
        )
    elif isinstance(body.get("next"), str):  # Glance's own way
        following = body["next"]
    query = following.partition("?")[2]
    return f"{path.partition('?')[0]}?{query}" if query else ""
