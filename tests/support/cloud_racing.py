"""Servers that race for the last cores of a project, beside the pods of `racing`.

Used by tests/e2e. Calls the cloud through `devcloud`.
"""

from __future__ import annotations

from contextlib import nullcontext
from random import Random
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from devcloud import CloudApi, Tenant
    from racing import Worker

_RACERS: Final = 2
"""Threads that boot servers in one project."""
_MOST_HELD: Final = 5
_BREATH: Final = 0.5
"""Seconds between two turns of one racer: a server costs the services far more than a pod."""


class ProjectQuota:
    """One project's cores on Nova."""

    def __init__(self, tenant: Tenant) -> None:
        self.tenant = tenant

    def line(self) -> AbstractContextManager[CloudApi]:
        """The cloud as its administrator, who may look into every project."""
        return nullcontext(self.tenant.admin)

    def lets_in(self, line: CloudApi) -> int:
        """By the quota set, and by the servers that have a host.

        Nova counts twice, before and after it has written a server down: of two that ask at once it turns one
        away the second time, with the state ERROR and no host. That one counts until it is deleted, but was
        never let in.
        """
        project = self.tenant.project
        limit = int(line.get("compute", f"/os-quota-sets/{project}")["quota_set"]["cores"])
        servers = line.get("compute", f"/servers/detail?all_tenants=1&project_id={project}")["servers"]
        used = sum(int(each["flavor"]["vcpus"]) for each in servers if each["OS-EXT-SRV-ATTR:host"])
        return max(limit, used) * 1000


class ServerRace:
    """Servers of one core each in one project: booted until Nova says no, and given up in turns.

    Attributes:
        admitted: how many requests were accepted.
        refused: how often the quota said no.
    """

    def __init__(self, quota: ProjectQuota, worker: Worker) -> None:
        self.admitted = self.refused = 0
        self._tenant = quota.tenant
        self._stop = worker.stop
        for seed in range(_RACERS):
            worker.begin(self._turn, [quota], Random(seed), [])

    def _turn(self, _: CloudApi, chance: Random, mine: list[str]) -> None:
        self._stop.wait(_BREATH)
        if len(mine) < _MOST_HELD and chance.random() < 0.7:
            answer = self._tenant.boot("racer")
            if answer.status == 202:
                self.admitted += 1
                mine.append(answer.body["server"]["id"])
                return
            assert answer.status == 403, answer
            self.refused += 1
        for number in mine[: chance.randint(1, _MOST_HELD)]:
            gone = self._tenant.api.call("DELETE", "compute", f"/servers/{number}")
            assert gone.status in (204, 404, 409), gone  # 409: it is on its way from one state to another
            if gone.status != 409:
                mine.remove(number)
