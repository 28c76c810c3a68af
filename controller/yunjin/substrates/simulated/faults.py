"""Faults on order: what a real cluster or cloud does to its clients on a bad day, where it can be repeated.

Made by tests, demonstrations and the command line (`Faults.load`), met by both backends at every call.
Promises that the same calls in the same order meet the same faults, in any process: a rate is decided by a
hash of seed, rule and number of the call, never by chance.

    {"seed": 7, "rules": [{"operation": "write", "kind": "ResourceQuota", "nth": [3], "effect": "conflict"}]}
"""

from __future__ import annotations

import threading
import time
from enum import StrEnum
from hashlib import blake2b
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from yunjin.errors import Text, UsageError
from yunjin.substrates import refusals
from yunjin.substrates.simulated import errors

if TYPE_CHECKING:
    from pathlib import Path

    from yunjin.errors import YunjinError
    from yunjin.model.resources import Key

MOST_BYTES: Final = 2**20
_SCALE: Final = 2**64


class Operation(StrEnum):
    """Where a fault strikes.

    `stream` counts leaves while they are observed, `service` the calls to single services of a cloud while a
    quota is written, also those that put it back.
    """

    OBSERVE = "observe"
    STREAM = "stream"
    READ = "read"
    WRITE = "write"
    SERVICE = "service"
    EFFECTIVE = "effective"
    ACQUIRE = "acquire"
    RELEASE = "release"


_WRITES: Final = (Operation.WRITE, Operation.SERVICE)
_HOMES: Final = ("Namespace", "Project")


class Effect(StrEnum):
    """What the caller meets."""

    LATENCY = "latency"  # a late answer, nothing else
    THROTTLED = "throttled"  # 429
    UNAVAILABLE = "unavailable"  # 503
    TIMEOUT_BEFORE = "timeout-before"  # no answer, and nothing was done
    TIMEOUT_AFTER = "timeout-after"  # no answer, though it was done
    CONFLICT = "conflict"  # 409
    REFUSED = "refused"  # 403
    UNREACHABLE = "unreachable"


class Rule(BaseModel):
    """One fault. Without `nth`, `every` and `rate` it strikes every call that fits.

    Attributes:
        operation: where.
        effect: what.
        nth: which of the calls that fit, counted from 1.
        every: each that many-th of them.
        rate: share of them, 0 to 1.
        kind: only writes of this kind.
        leaf: only writes in this namespace or project or of it, or the moment it is streamed.
        service: only calls to this service of a cloud: `compute`, `network`, `volume`.
        seconds: how late the answer comes.
        retry_after: the server's hint, in seconds, with `throttled` and `unavailable`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    operation: Operation
    effect: Effect
    nth: tuple[Annotated[int, Field(ge=1)], ...] = ()
    every: Annotated[int, Field(ge=0)] = 0
    rate: Annotated[float, Field(ge=0, le=1)] = 0.0
    kind: str = ""
    leaf: str = ""
    service: str = ""
    seconds: Annotated[float, Field(ge=0, le=3600)] = 0.0
    retry_after: Annotated[float, Field(ge=0, le=3600)] | None = None

    @model_validator(mode="after")
    def _possible(self) -> Rule:
        if self.kind and self.operation not in _WRITES:
            raise ValueError("`kind` tells writes apart, nothing else")
        if self.leaf and self.operation not in (*_WRITES, Operation.STREAM):
            raise ValueError("`leaf` tells writes and streamed leaves apart, nothing else")
        if self.service and self.operation is not Operation.SERVICE:
            raise ValueError("`service` tells calls to services apart, nothing else")
        if self.effect is Effect.CONFLICT and self.operation not in _WRITES:
            raise ValueError("only a write meets a conflict")
        return self

    def fits(self, operation: Operation, key: Key | None, service: str) -> bool:
        """Whether a call is one this rule counts."""
        if operation is not self.operation or self.service not in ("", service):
            return False
        if key is None:
            return not self.kind and not self.leaf
        leaf = key.name if key.kind in _HOMES else key.namespace
        return self.kind in ("", key.kind) and self.leaf in ("", leaf)

    def strikes(self, number: int, seed: str) -> bool:
        """Whether the number-th call that fits meets the fault."""
        if not self.nth and not self.every and not self.rate:
            return True
        if number in self.nth or (self.every and number % self.every == 0):
            return True
        drawn = int.from_bytes(blake2b(f"{seed}:{number}".encode(), digest_size=8).digest())
        return drawn < self.rate * _SCALE


class _Order(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    seed: int = 0
    rules: Annotated[tuple[Rule, ...], Field(max_length=1000)] = ()


class Faults:
    """The faults of one endpoint with their counters. Safe to use from several threads."""

    def __init__(self, rules: tuple[Rule, ...] = (), seed: int = 0) -> None:
        self._rules = rules
        self._seed = seed
        self._met = [0] * len(rules)
        self._lock = threading.Lock()

    @classmethod
    def parse(cls, text: str | bytes) -> Faults:
        """From a JSON document.

        Raises:
            UsageError: not one, or not of this form.
        """
        if len(text) > MOST_BYTES:
            raise UsageError(
                Text("故障清单超过 1 MiB", "the list of faults is longer than 1 MiB"),
                Text("缩短该文件", "shorten the file"),
            )
        try:
            order = _Order.model_validate_json(text)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(part) for part in first["loc"]) or "$"
            raise UsageError(
                Text(f"故障清单 {where} 有误: {first['msg']}", f"list of faults, {where}: {first['msg']}"),
                Text("按文档改正该字段", "put the field right as documented"),
            ) from error
        return cls(order.rules, order.seed)

    @classmethod
    def load(cls, path: Path) -> Faults:
        """From a JSON file.

        Raises:
            UsageError: no such file, or not of this form.
        """
        try:
            with path.open("rb") as file:
                text = file.read(MOST_BYTES + 1)
        except OSError as error:
            raise UsageError(
                Text(f"无法读取故障清单 {path}", f"the list of faults {path} cannot be read"),
                Text("检查路径和权限", "check its path and permissions"),
            ) from error
        return cls.parse(text)

    def meet(
        self, endpoint: str, operation: Operation, key: Key | None = None, service: str = ""
    ) -> YunjinError | None:
        """Count one call before it is served.

        Returns:
            What to raise after the call has taken effect; None where nothing is to be raised.

        Raises:
            YunjinError: the call is not served.
        """
        lost = None
        struck = self._struck(operation, key, service)
        if struck:
            time.sleep(sum(rule.seconds for rule in struck))
        for rule in struck:
            error = _error(rule, endpoint, key)
            if rule.effect is Effect.TIMEOUT_AFTER:
                lost = error
            elif error is not None:
                raise error
        return lost

    def _struck(self, operation: Operation, key: Key | None, service: str) -> list[Rule]:
        if not self._rules:
            return []
        struck = []
        with self._lock:
            for index, rule in enumerate(self._rules):
                if rule.fits(operation, key, service):
                    self._met[index] += 1
                    if rule.strikes(self._met[index], f"{self._seed}:{index}"):
                        struck.append(rule)
        return struck


def _error(rule: Rule, endpoint: str, key: Key | None) -> YunjinError | None:
    match rule.effect:
        case Effect.THROTTLED | Effect.UNAVAILABLE:
            code = 429 if rule.effect is Effect.THROTTLED else 503
            return errors.busy(endpoint, code, rule.retry_after)
        case Effect.TIMEOUT_BEFORE | Effect.TIMEOUT_AFTER:
            return errors.timed_out(endpoint)
        case Effect.CONFLICT:
            return refusals.moved(key.endpoint, key) if key else None
        case Effect.REFUSED:
            return errors.forbidden(endpoint, rule.operation)
        case Effect.UNREACHABLE:
            return errors.silent(endpoint)
    return None
