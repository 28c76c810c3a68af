"""The form of a plan's text, for reading it back.

Called by `document`. Calls pydantic. Promises that what does not fit is refused, unknown fields included.
Annotations are read at run time here, so they are no strings.
"""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from yunjin.errors import Text
from yunjin.model.change import Action, Binding, Change, Extra, Failure, Held, Hold, Plan
from yunjin.model.resources import Difference, Key, ObjectClass

_Short = Annotated[str, Field(max_length=4096)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Text(_Part):
    zh: str
    en: str

    def value(self) -> Text:
        return Text(self.zh, self.en)


class _Key(_Part):
    endpoint: _Short
    namespace: _Short
    kind: _Short
    name: _Short

    def value(self) -> Key:
        return Key(self.endpoint, self.namespace, self.kind, self.name)


class _Difference(_Part):
    path: str
    wanted: Any
    observed: Any
    manager: _Short
    since: datetime | None

    def value(self) -> Difference:
        return Difference(self.path, self.wanted, self.observed, self.manager, self.since)


class _Change(_Part):
    action: Action
    key: _Key
    tenant: _Short
    object_class: ObjectClass
    rank: int
    before: _Short
    after: _Short
    differences: tuple[_Difference, ...]
    body: dict[str, Any] | None
    force: bool
    confirm: bool
    loose: bool
    awaits: _Key | None

    def value(self) -> Change:
        return Change(
            self.action,
            self.key.value(),
            self.tenant,
            self.object_class,
            self.rank,
            self.before,
            self.after,
            tuple(difference.value() for difference in self.differences),
            self.body,
            self.force,
            self.confirm,
            self.loose,
            None if self.awaits is None else self.awaits.value(),
        )


class _Failure(_Part):
    code: _Short
    message: _Text
    remedy: _Text | None

    def value(self) -> Failure:
        return Failure(self.code, self.message.value(), self.remedy.value() if self.remedy else None)


class _Binding(_Part):
    technology: _Short
    access: _Short
    observed_at: datetime | None
    failure: _Failure | None

    def value(self) -> Binding:
        failure = self.failure.value() if self.failure else None
        return Binding(self.technology, self.access, self.observed_at, failure)


class _Held(_Part):
    endpoint: _Short
    leaf: _Short
    tenant: _Short
    hold: Hold
    reason: _Text

    def value(self) -> Held:
        return Held(self.endpoint, self.leaf, self.tenant, self.hold, self.reason.value())


class _Extra(_Part):
    key: _Key
    object_class: ObjectClass
    tenant: _Short
    manager: _Short
    since: datetime | None

    def value(self) -> Extra:
        return Extra(self.key.value(), self.object_class, self.tenant, self.manager, self.since)


class Document(_Part):
    """A whole plan."""

    format: Literal["yunjin/plan"]
    version: Literal[1]
    as_of: date
    estate: _Short
    bindings: dict[str, _Binding]
    unchanged: int
    leaves: int
    held: tuple[_Held, ...]
    extras: tuple[_Extra, ...]
    changes: tuple[_Change, ...]

    def value(self) -> Plan:
        """The plan it stands for."""
        return Plan(
            self.as_of,
            self.estate,
            tuple(change.value() for change in self.changes),
            {name: binding.value() for name, binding in self.bindings.items()},
            self.unchanged,
            self.leaves,
            tuple(held.value() for held in self.held),
            tuple(extra.value() for extra in self.extras),
        )
