"""What every substrate promises: a pure translator and a backend that talks to one endpoint.

Implemented by `yunjin.substrates.kubernetes` and `yunjin.substrates.simulated`; used by `yunjin.observe`,
`yunjin.plan` (translator only), `yunjin.apply` and `yunjin.engine`. One contract test suite runs against each
implementation. Every error that leaves a backend is one of `yunjin.errors`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from threading import Event

    from yunjin.errors import Text
    from yunjin.model.amounts import Amounts
    from yunjin.model.capacity import Capacity
    from yunjin.model.centre import Endpoint
    from yunjin.model.change import Change
    from yunjin.model.credential import Credential, Health, Role
    from yunjin.model.resources import Claim, Difference, Holding, Key, LeafState, Live, Wanted
    from yunjin.model.tenancy import Leaf


class Translator(Protocol):
    """Leaves to objects and objects to differences. Pure: no clock, no network, no state."""

    def shared(self, endpoint: Endpoint, cidrs: Mapping[str, Sequence[str]]) -> tuple[Wanted, ...]:
        """Objects that every leaf of the endpoint relies on.

        Args:
            endpoint: which.
            cidrs: of each zone in which it has a pool.
        """
        ...

    def home(self, endpoint: str, leaf: str) -> Key:
        """Key of the namespace or project that is the leaf itself."""
        ...

    def wanted(self, leaf: Leaf) -> tuple[Wanted, ...]:
        """The standard objects of one leaf, in the order of writing."""
        ...

    def matches(self, wanted: Wanted, live: Live) -> bool:
        """Whether the object stands as wanted, over the wanted fields and those Yunjin owns. Cheap."""
        ...

    def differences(self, wanted: Wanted, live: Live) -> tuple[Difference, ...]:
        """What differs, with who wrote it and since when; empty exactly where `matches` says yes."""
        ...

    def fingerprint(self, wanted: Wanted, live: Live | None) -> str:
        """Hash of the compared fields as `live` holds them; `ABSENT` for no object."""
        ...

    def target(self, wanted: Wanted) -> str:
        """Hash of the compared fields once they stand as wanted."""
        ...

    def unfinished(self, wanted: Wanted, before: Live | None, now: Live) -> bool:
        """Whether a write of several steps stopped half way: some fields as before, the others as wanted."""
        ...

    def claim(self, live: Live) -> Claim:
        """Whose an object says it is."""
        ...

    def lowers(self, wanted: Wanted, live: Live) -> bool:
        """Whether writing `wanted` only gives capacity back; False for what bounds none."""
        ...

    def holding(self, live: Live) -> Holding:
        """What a leaf's quota grants and what is used of it, rounded up to base units."""
        ...

    def counted(self, amounts: Amounts) -> Amounts:
        """What a quota made for `amounts` grants: the same but for what the backend does not count."""
        ...


class Backend(Protocol):
    """One endpoint. Safe to use from several threads."""

    endpoint: str

    def observe(self) -> Iterator[LeafState]:
        """Everything of the managed kinds, leaf by leaf. Reads only.

        Leaves come in ascending order of name, the endpoint's own objects (name empty) first.

        Raises:
            UnreachableError, TransientError, RefusalError (no right to list).
        """
        ...

    def read(self, keys: Sequence[Key]) -> Mapping[Key, Live]:
        """The named objects as they are now; absent ones are missing from the answer. Reads only."""
        ...

    def write(self, change: Change, live: Live | None) -> None:
        """Make one change, given the object as it was just read (None for absent).

        Raises:
            ConflictError: the object moved after `live` was read, or another manager owns a field.
            RefusalError: no right to it, or the removal of what its labels protect.
            TransientError, UnreachableError, PermanentError.
        """
        ...

    def effective(self, changes: Iterable[Change]) -> Mapping[Key, Holding]:
        """Those changes that the backend now enforces (quota) or has finished (removal).

        Returns:
            By key, of a quota what it holds as it was just read; of anything else nothing.
        """
        ...

    def acquire(self, holder: str, seconds: float) -> str | None:
        """Take or renew the endpoint's lease for `seconds`; None on success, else the holder's name."""
        ...

    def release(self, holder: str) -> None:
        """Give the lease back if `holder` has it."""
        ...

    def close(self) -> None:
        """End connections."""
        ...


@runtime_checkable
class ClusterBackend(Protocol):
    """What a real cluster can tell beyond the common contract."""

    def watch(self, stop: Event) -> Iterator[str]:
        """Names of leaves that changed, until `stop` is set; the empty name means look at everything."""
        ...

    def pool_binding_active(self, namespace: str) -> bool | None:
        """Whether pods of the namespace are bound to its pool's nodes; None where that cannot be told."""
        ...


@runtime_checkable
class RemainderBackend(Protocol):
    """An endpoint on which something of a leaf may outlive its removal."""

    def remainder(self, leaf: str) -> Text | None:
        """What that is; None for nothing. Reads only. Raises what `Backend.observe` does."""
        ...


@runtime_checkable
class CapacityBackend(Protocol):
    """An endpoint that can tell what its hosts have."""

    def capacity(self) -> Mapping[str, Capacity]:
        """By pool; one without hosts is missing. Raises what `Backend.observe` does."""
        ...


@runtime_checkable
class CredentialBackend(Protocol):
    """An endpoint that lets tenants in. Nothing of what it returns but a `Credential` holds a secret."""

    endpoint: str

    @property
    def lingering(self) -> float:
        """Seconds for which a token may still be accepted somewhere after its credential was revoked."""
        ...

    def issue(self, leaf: str, role: Role, name: str, seconds: int) -> Credential:
        """A new credential of one leaf that works from now on.

        Promises that whatever exists of it before this returns can be ended by `revoke` with the same name,
        and that a failure leaves nothing.

        Raises:
            UsageError: a name or a life time that cannot be.
            ConflictError: the leaf has one of that name, or was never applied to.
            RefusalError, TransientError, UnreachableError, PermanentError.
        """
        ...

    def revoke(self, leaf: str, name: str) -> None:
        """End a credential and all its tokens; nothing happens where there is none of that name.

        Raises:
            RefusalError, TransientError, UnreachableError, PermanentError.
        """
        ...

    def trial(self, credential: Credential) -> Callable[[], Mapping[str, bool]]:
        """Get one token now. Each call then says of each service whether it still accepts that token.

        Raises:
            RefusalError: the credential is not accepted, or a service is missing.
            TransientError, UnreachableError, PermanentError; so do the calls.
        """
        ...


@runtime_checkable
class HealthBackend(Protocol):
    """An endpoint that can tell how it is."""

    def health(self) -> Health:
        """Raises what `Backend.observe` does: who does not answer, or not to this account, is not well."""
        ...
