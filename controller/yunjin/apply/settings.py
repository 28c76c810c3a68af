"""How an apply behaves; what it does is the plan's business alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import threading


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One apply's settings."""

    allow_destroy: bool = False
    """Whether removals may be carried out at all (`--allow-destroy`)."""

    lock_timeout: float = 30.0
    """Seconds to wait for leases that others hold (`--lock-timeout`)."""

    reclaim_days: int = 30
    """Days until what a shrink could not take, because it is in use, shall be had (policy `reclaim-days`)."""

    wait_quota: float = 120.0
    """Seconds until a write that must be seen effective counts as pending (`--wait-quota`)."""

    workers: int = 16
    """Writes under way at once on one endpoint. More gain nothing: the client is bound by its processor."""

    lease: float = 60.0
    """Seconds a lease lasts unless renewed. Half of it must exceed the longest a backend waits for an answer:
    no write begins in the last half of a lease that could not be renewed."""

    attempts: int = 4
    """How often a change is tried that met an error which may pass."""

    backoff: float = 0.5
    """Seconds before the second attempt where the other side gave no hint; doubles with each."""

    longest_wait: float = 30.0
    """Seconds a hint of the other side may ask for at most."""

    poll: float = 0.05
    """Seconds between the first two looks whether a write is effective; grows to a second."""

    chunk: int = 64
    """Changes that share one durable journal entry before the first of them is written."""

    stop: threading.Event | None = None
    """Set by whoever wants the apply to end early: writes under way end, and no other begins."""
