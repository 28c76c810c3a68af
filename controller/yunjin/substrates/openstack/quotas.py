"""A project's quota: one object, three services.

Called by `apply` and `backend`. Calls `client` and `saga`. Promises that a write ends all new, all old, or
in doubt and said to be so; that what a time-out left open is read back; and that no figure of the ledger's
is set below what is used: Nova refuses that by itself, Neutron and Cinder would take it.
"""

from __future__ import annotations

from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from yunjin.errors import TransientError, YunjinError
from yunjin.substrates.openstack import dialects, errors, forms, quantities, saga
from yunjin.substrates.openstack.answer import COMPUTE, NETWORK, VOLUME, Service

if TYPE_CHECKING:
    from collections.abc import Mapping

    from yunjin.model.change import Change
    from yunjin.model.resources import Key, Live
    from yunjin.substrates.openstack.client import Client

    Figures = Mapping[str, int]

SERVICES: Final[tuple[tuple[Service, str, str, str], ...]] = (
    (COMPUTE, "/os-quota-sets/{}", "quota_set", "/os-quota-sets/{}/detail"),
    (NETWORK, "/quotas/{}", "quota", "/quotas/{}/details.json"),
    (VOLUME, "/os-quota-sets/{}", "quota_set", "/os-quota-sets/{}?usage=True"),
)
"""In the order of writing: a service, path of a quota, its name in the body, path with what is used."""

_CAPACITY: Final = frozenset(figure for _, figure in quantities.CAPACITY)


def answer(client: Client, service: Service, project: str, about: object) -> dict[str, Any]:
    """What one service says of a project's quota, with what is used of it."""
    _, _, name, path = next(each for each in SERVICES if each[0] is service)
    found = client.call(service, "GET", path.format(project), about=about).get(name)
    if not isinstance(found, dict):
        raise errors.unreadable(client.endpoint, service)
    return found


def write(client: Client, project: str, change: Change, now: Live | None) -> None:
    """Make the three services hold what the change says.

    Args:
        client: of the cloud.
        project: its id.
        change: of the quota.
        now: as it was just read; None of a new project, in which the services' own defaults hold.

    Raises:
        ConflictError: more is used by now than would be left.
        TransientError: in doubt, see `saga.run`; or the first failure.
        YunjinError: the first failure; everything is as before.
    """
    wanted: dict[str, Figures] = (change.body or {})["spec"]
    held: dict[str, Figures] = now.body["spec"] if now else {}
    if now:
        _require_room(client.endpoint, change.key, wanted, now)
    steps = [
        saga.Step(
            service.name,
            held.get(service.name),
            wanted[service.name],
            partial(put_figures, client, service, project, change.key),
        )
        for service, _, _, _ in SERVICES
    ]
    saga.run(change.key, steps)


def put_figures(client: Client, service: Service, project: str, key: Key, figures: Figures | None) -> None:
    """Make one service hold these figures; None: its own defaults.

    Raises:
        TransientError: it may have been done, and cannot be read back now.
        YunjinError: it was not.
    """
    _, path, name, _ = next(each for each in SERVICES if each[0] is service)
    path = path.format(project)
    try:
        if figures is None:
            sent = client.send(service, "DELETE", path)
            if not sent.ok and sent.code != HTTPStatus.NOT_FOUND:
                raise errors.refused(client.endpoint, key, sent)
        else:
            _put(client, service, path, {name: dict(figures)}, key)
    except TransientError:
        if figures is None or not _holds(client, service, project, key, figures):
            raise


def _put(client: Client, service: Service, path: str, body: dict[str, dict[str, Any]], key: Key) -> None:
    sent = client.send(service, "PUT", path, body)
    if service is NETWORK and dialects.below_use_of(sent) - _CAPACITY:
        # Rules and the like follow the figure in a later step. What tenants use was looked at before.
        sent = client.send(service, "PUT", path, {"quota": {**body["quota"], "force": True}})
    if not sent.ok:
        raise errors.refused(client.endpoint, key, sent)


def in_force(change: Change, live: Live) -> bool:
    """Whether the services hold what the change says, and no more is used than a figure it lowers leaves.

    A change without figures asks about the quota as it stands.
    """
    wanted: Mapping[str, Figures] = (change.body or {}).get("spec") or {}
    held, used = live.body["spec"], live.body["status"]
    if any(held.get(service) != dict(figures) for service, figures in wanted.items()):
        return False
    return all(used[service][figure] <= wanted[service][figure] for service, figure in _lowered(change))


def _holds(client: Client, service: Service, project: str, key: Key, figures: Figures) -> bool:
    """Whether a write whose answer was lost has taken effect; no where that cannot be told either."""
    try:
        found = forms.granted(service.name, answer(client, service, project, key))
    except YunjinError:
        return False
    return found == dict(figures)


def _require_room(endpoint: str, key: Key, wanted: Mapping[str, Figures], now: Live) -> None:
    for service, _, _, _ in SERVICES:
        held, used = now.body["spec"][service.name], now.body["status"][service.name]
        short = [
            figure
            for figure, most in wanted[service.name].items()
            if (service.name, figure) in quantities.CAPACITY
            and most != held.get(figure)
            and used.get(figure, 0) > most
        ]
        if short:
            raise errors.below_use(endpoint, key, service, short)


def _lowered(change: Change) -> list[tuple[str, str]]:
    lowered = []
    for difference in change.differences:
        service, _, figure = difference.path.partition(".")
        path = (service, figure)
        if path not in quantities.CAPACITY or not isinstance(difference.wanted, int):
            continue
        seen = difference.observed
        if not isinstance(seen, int) or seen <= quantities.UNLIMITED or seen > difference.wanted:
            lowered.append(path)
    return lowered
