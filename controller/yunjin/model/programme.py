"""What the city has decided to build: elements, tasks and the programme that dates them.

Filled by `yunjin.estate` from elements.yaml and programmes/. Calls nothing.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from yunjin.model.declared import Basis, Day, Declared, Id, Line, Named, Source

ALL = "ALL"  # groups that a list may name instead of single bodies
AREAS = "AREAS"
TaskId = Annotated[str, Field(pattern=r"^T[0-9]{2}$")]


class Function(Named):
    """Something a platform must be able to do; `subsystem` is where it belongs."""

    id: Id
    subsystem: Id | None = None


class Subsystem(Named):
    """A part of an element that the plan names.

    Attributes:
        overlaps: another element that the plan itself already asks to do this.
    """

    id: Id
    overlaps: Id | None = None
    source: Source | None = None


class Element(Named):
    """One of the plan's 17: the centre, the two systems, the fourteen platforms.

    Attributes:
        horizon: `2016`, or `135` for the years 2016 to 2020.
        lead: lead bureau, None while nobody is named; then `lead_basis` says on what a later one rests.
        coop: cooperating bureaus and areas, or groups of them (`ALL`, `AREAS`), as the plan lists them.
        brownfield: the upgrade of a platform that exists.
    """

    id: Id
    kind: Literal["centre", "system", "platform"]
    horizon: Literal["2016", "135"]
    lead: Id | None = None
    lead_basis: Basis | None = None
    proposed_lead: tuple[Id, ...] = ()
    coop: tuple[str, ...] = ()
    brownfield: bool = False
    subsystems: tuple[Subsystem, ...] = ()
    source: Source


class Acceptance(Named):
    """What must be seen before a task counts as done; `check` names the machine check that will see it."""

    check: Id


class Task(Named):
    """A numbered task of the programme."""

    id: TaskId
    element: Id
    due: Day
    functions: tuple[Function, ...] = ()
    data_in: tuple[Id, ...] = ()
    data_out: tuple[Id, ...] = ()
    acceptance: tuple[Acceptance, ...]
    source: Source


class TaskCarried(Declared):
    """A task that a following programme carries on: only its date is new."""

    id: TaskId
    due: Day


class Entry(Declared):
    """One item of the programme's own list of goals, and the elements it means.

    Attributes:
        also: what other lists of the same document call it.
    """

    zh: Line
    also: tuple[Line, ...] = ()
    elements: tuple[Id, ...]


class Leadership(Declared):
    """The leadership group, by posts: persons change, posts remain."""

    head: Named
    deputies: tuple[Named, ...]
    members: tuple[Id, ...]
    areas: tuple[str, ...]
    source: Source


class Programme(Named):
    """An action plan 行动计划: its document, its goals, its tasks.

    Attributes:
        status: a repealed plan still is the framework that later documents refer to.
        demo: carried on by us to show the product, not decided by anybody.
        follows: the programme whose tasks it carries on.
        tasks: as this programme words them.
        carried: those of `follows` with a new date; `Estate.tasks` joins both.
    """

    id: Id
    doc_no: Line
    status: Literal["in-force", "repealed", "draft"]
    demo: bool = False
    follows: Id | None = None
    signed: Day | None = None
    published: Day | None = None
    entries: tuple[Entry, ...] = ()
    leadership: Leadership | None = None
    tasks: tuple[Task, ...] = ()
    carried: tuple[TaskCarried, ...] = ()

    @model_validator(mode="after")
    def _carried_from_somewhere(self) -> Programme:
        if self.carried and self.follows is None:
            zh = "有 carried 就须有 follows (所延续的行动计划)"
            raise PydanticCustomError(
                "carried_tasks", "`carried` needs `follows`, the programme carried on", {"zh": zh}
            )
        return self
