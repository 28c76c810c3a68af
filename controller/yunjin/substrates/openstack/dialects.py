"""How each service says no, and what of it may be repeated to people.

Called by `errors` and `quotas`, and by tests that ask a service for too much. Calls nothing. Pure. Promises
that the same refusal is recognised whichever service says it, and that nothing quoted holds a credential or
more than a line.
"""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from yunjin.substrates.openstack.answer import Answer

_LONGEST: Final = 300
_SECRETS: Final = (
    re.compile(r"gAAAA[\w-]{8,}={0,2}"),  # Fernet, what tokens are made with
    re.compile(r"(?<=//)[^/\s:@]+:[^/\s@]+(?=@)"),
    re.compile(r"(?i)(?<=token)(\W{1,4})[\w.~+/=-]{16,}"),
    re.compile(r"(?i)(?<=secret)(\W{1,4})[^\s,}\"']+"),
    re.compile(r"(?i)(?<=password)(\W{1,4})[^\s,}\"']+"),
)
_HIDDEN: Final = "***"
# Nova 403, Neutron 409, Cinder 413: three codes, each of which also means something else.
_OVER_QUOTA: Final = re.compile(
    r"quota exceeded|exceeds (allowed|available)|availablequota|over (a |its )?(limit|quota)|overquota"
    r"|limit ?exceeded|maximum number of .*(allowed|exceeded)",
    re.IGNORECASE,
)
_RESOURCE: Final = re.compile(
    r"resources: \[([^\]]*)\]|exceeded for (?!resources)([\w, ]+?):|allowed (\w+) quota"
    r"|exceeds available (\w+) quota|maximum number of (\w+)|resource (\w+) is over",
    re.IGNORECASE,
)
# A bad request that was good when the plan was made: more is used by now, or the project is gone.
_OUTDATED: Final = re.compile(r"already used|below (the )?us(e|age)|is not a valid project", re.IGNORECASE)
_TOO_LOW: Final = re.compile(r"Quota limit \S+ for (\w+) must be greater than or equal to already used")


def over_quota(answer: Answer) -> tuple[str, ...]:
    """What a service's refusal says there is no more of; empty where it refuses for another reason.

    Nova answers 403, Neutron 409, Cinder 413; so do they for what policy forbids, for conflicts and for too
    many requests. Where the service does not name what is exhausted, the service's own name stands for it.
    """
    codes = (HTTPStatus.FORBIDDEN, HTTPStatus.CONFLICT, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    if answer.code not in codes:
        return ()
    kinds = [str(part.get("type") or "") for part in answer.body.values() if isinstance(part, dict)]
    if not _OVER_QUOTA.search(answer.said) and "OverQuota" not in kinds:
        return ()
    found = _RESOURCE.search(answer.said)
    named = next((group for group in found.groups() if group), "") if found else ""
    resources = tuple(sorted({part.strip(" '\"") for part in named.split(",")} - {""}))
    return resources or (answer.service.name,)


def below_use_of(answer: Answer) -> frozenset[str]:
    """The figures of a quota that a service will not set since more is used; else empty."""
    return frozenset(_TOO_LOW.findall(answer.said)) if answer.code == HTTPStatus.BAD_REQUEST else frozenset()


def is_outdated(answer: Answer) -> bool:
    """Whether a request is bad that was good when its plan was made."""
    return answer.code == HTTPStatus.BAD_REQUEST and _OUTDATED.search(answer.said) is not None


def quoted(text: object) -> str:
    """What another side said, on one line, without what looks like a credential."""
    line = " ".join(str(text or "")[: 8 * _LONGEST].split())
    for secret in _SECRETS:
        line = secret.sub(_HIDDEN, line)
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"
