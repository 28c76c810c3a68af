"""The command line as people and scripts call it: a process of its own, with nothing inherited but the path.

Used by tests/e2e. Promises that each test has its own declared files and its own state, and that an
unexpected exit code shows all that was said.
"""

from __future__ import annotations

import json
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import termios
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from estates import document
from yunjin.ledger import GrantTerms, Ledger, books, shares
from yunjin.model.amounts import Amounts
from yunjin.store import Store
from yunjin.substrates.simulated.backend import SimulatedBackend

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from yunjin.model.tenancy import Share

ROOT = Path(__file__).resolve().parents[2]
DAY = "2026-11-22"
_ERASED = re.compile(r"[^\n]*\x1b\[2K")
_INTERRUPT = b"\x03"
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")
Items = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Answer:
    """How a command ended, and what it said on both streams."""

    code: int
    out: str
    err: str

    @property
    def errors(self) -> list[dict[str, Any]]:
        """What it answers to programs where it went wrong."""
        found: list[dict[str, Any]] = json.loads(self.err)["errors"]
        return found


@dataclass(frozen=True, slots=True)
class CommandLine:
    """One operator's desk: a folder with `tenants/` and `state/`."""

    folder: Path
    day: str = DAY

    @classmethod
    def at(cls, folder: Path) -> CommandLine:
        """A desk with a copy of the shipped city."""
        shutil.copytree(ROOT / "tenants", folder / "tenants")
        return cls(folder)

    @property
    def tenants(self) -> Path:
        """The declared files."""
        return self.folder / "tenants"

    @property
    def state(self) -> Path:
        """The state folder."""
        return self.folder / "state"

    def start(self, *arguments: str, lang: str = "zh", **extra: Any) -> subprocess.Popen[str]:
        """A command that goes on; the caller ends it."""
        return subprocess.Popen(
            self._command(*arguments),
            cwd=self.folder,
            env=self._environment(lang),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **extra,
        )

    def ask(self, *arguments: str, lang: str = "zh", **variables: str) -> Answer:
        """Whatever comes of a command; `variables` are set in its environment."""
        done = subprocess.run(
            self._command(*arguments),
            cwd=self.folder,
            env=self._environment(lang) | variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        return Answer(done.returncode, done.stdout, done.stderr)

    def run(self, *arguments: str, expect: int = 0, lang: str = "zh", **variables: str) -> str:
        """What a command said on both streams; its exit code must be `expect`."""
        done = self.ask(*arguments, lang=lang, **variables)
        said = done.out + done.err
        assert done.code == expect, f"{arguments} ended with {done.code}, expected {expect}:\n{said}"
        return said

    def value(self, *arguments: str, expect: int = 0, lang: str = "zh") -> Any:
        """What a command answers to programs."""
        done = self.ask(*arguments, "--output", "json", lang=lang)
        assert done.code == expect, f"{arguments} ended with {done.code}:\n{done.out}{done.err}"
        return json.loads(done.out)

    def on_terminal(
        self, *arguments: str, columns: int = 100, lang: str = "zh", typed: str = "", expect: int = 0
    ) -> list[str]:
        """Lines as a terminal of that width shows them, without colours.

        `typed` answers the question; Ctrl-C in it is a signal, as terminals have it. It is sent again until
        it is heard: one that comes between question and reading interrupts neither.
        """
        controller, terminal = pty.openpty()
        termios.tcsetwinsize(terminal, (200, columns))
        # Who runs the tests in the background has Ctrl-C ignored, and all that is started there inherits it.
        process = subprocess.Popen(
            ["env", "--default-signal=INT", *self._command(*arguments)],
            cwd=self.folder,
            env=self._environment(lang) | {"TERM": "xterm"},
            stdin=terminal if typed else subprocess.DEVNULL,
            stdout=terminal,
            stderr=terminal,
        )
        os.close(terminal)
        said, answer = b"", typed.encode()
        with suppress(OSError):  # so a terminal says that nobody writes to it any more
            while True:
                asked = answer and said.endswith(b"[y/N] ")
                if asked and answer == _INTERRUPT:
                    process.send_signal(signal.SIGINT)
                elif asked:
                    os.write(controller, answer)
                    answer = b""
                if not (asked and answer) or select.select([controller], [], [], 1)[0]:
                    part = os.read(controller, 1 << 16)
                    said += part
                    if not part:
                        break
        os.close(controller)
        assert process.wait(timeout=60) == expect, said.decode()
        return [line.rstrip() for line in _CONTROL.sub("", _ERASED.sub("", said.decode())).splitlines()]

    def replace(self, file: str, old: str, new: str) -> None:
        """Change one place of a declared file."""
        path = self.tenants / file
        text = path.read_text("utf-8")
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {file}"
        path.write_text(text.replace(old, new), "utf-8")

    def rewrite(self, file: str, change: Callable[[Items], Items]) -> None:
        """Give a declared file other items; it must not hold dates."""
        path = self.tenants / file
        written = yaml.safe_load(path.read_text("utf-8"))
        path.write_text(document(written["kind"], change(written["items"])), "utf-8")

    def change_rows(self, *nodes: str, **amounts: str | int) -> None:
        """Give baseline rows other limits and allotted amounts in these dimensions."""

        def changed(rows: Items) -> Items:
            for row in rows:
                for kind in {"limit", "allotted"} & set(row) if row["node"] in nodes else ():
                    row[kind] |= amounts
            return rows

        self.rewrite("baseline.yaml", changed)

    def take_rows(self, *nodes: str) -> None:
        """Take rows out of the baseline."""
        self.rewrite("baseline.yaml", lambda rows: [row for row in rows if row["node"] not in nodes])

    @contextmanager
    def ledger(self) -> Iterator[Ledger]:
        """The quota ledger of the desk's state."""
        with Store.open(self.state) as store:
            yield Ledger(store.database, store.now, "somebody")

    def allot(self, *leaves: str, **amounts: str | int) -> None:
        """Give leaves (`ENDPOINT/NAME`) these amounts by the ledger; the other dimensions stay."""
        with self.ledger() as ledger:
            for leaf in leaves:
                ledger.allot(f"leaf/{leaf}", Amounts.parse(amounts))

    def grant(self, pool: str, *nodes: str, **amounts: str | int) -> None:
        """Raise limits of nodes in a pool by these amounts; the one above before the one below."""
        more = Amounts.parse(amounts)
        with self.ledger() as ledger:
            for node in nodes:
                terms = GrantTerms("", node, more, {pool: more}, date.fromisoformat(self.day))
                ledger.grant(terms, date.fromisoformat(self.day))

    def end_grants(self, *nodes: str) -> None:
        """End every grant of these nodes that is in force."""
        with Store.open(self.state) as store:
            ledger = Ledger(store.database, store.now, "somebody")
            for grant in books.read(store.database, (books.GRANTS,)).grants:
                if grant.node in nodes and grant.state == "in_force":
                    ledger.end(grant.number, "test", date.fromisoformat(self.day))

    def shares(self) -> Mapping[str, Share]:
        """What the ledger holds of each leaf (`ENDPOINT/NAME`)."""
        with Store.open(self.state) as store:
            found = shares.shares(store.database)
        assert found is not None, "the ledger was never opened"
        return {node.removeprefix("leaf/"): share for node, share in found.items()}

    def under_way(self) -> frozenset[str]:
        """Leaves with a reservation that was not seen in force."""
        with Store.open(self.state) as store:
            return frozenset(node.removeprefix("leaf/") for node in shares.under_way(store.database))

    @contextmanager
    def endpoint(self, name: str = "k8s-egov") -> Iterator[SimulatedBackend]:
        """What others do on a simulated endpoint between two commands."""
        with closing(SimulatedBackend.open(name, self.state / "simulated" / f"{name}.db")) as backend:
            yield backend

    def standing(self, name: str = "k8s-egov") -> dict[str, Any]:
        """Every object on a simulated endpoint, by namespace, kind and name."""
        with self.endpoint(name) as backend:
            return {
                f"{leaf.name}/{kind}/{item}": live.body
                for leaf in backend.observe()
                for (kind, item), live in leaf.objects.items()
            }

    def _command(self, *arguments: str) -> list[str]:
        undated = "--as-of" in arguments or "--help" in arguments
        return [sys.executable, "-m", "yunjin_cli", *arguments, *(() if undated else ("--as-of", self.day))]

    def _environment(self, lang: str) -> dict[str, str]:
        paths = [
            str(Path(part).resolve()) for part in os.environ.get("PYTHONPATH", "").split(os.pathsep) if part
        ]
        return {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join(paths),
            "HOME": str(self.folder),
            "YUNJIN_STATE": str(self.state),
            "YUNJIN_LANG": lang,
            "LANG": "C.UTF-8",
        }
