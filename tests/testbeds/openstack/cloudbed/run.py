"""The processes of one cloud: this one, and one for each service.

Called by `__main__`, and by `seed` for Keystone alone. Calls `serve` in each child. Promises that the
children end with this process, however it ends, and this process with the first of them; and that each is
written down in FOLDER/NAME.pid with the moment it began, as `devcluster.process` reads it.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import json
import os
import shutil
import signal
import socket
import sys
import tempfile
import time
import traceback
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from cloudbed import configuration
from cloudbed.answering import answers
from cloudbed.layout import ADDRESS, SERVICES, Layout
from cloudbed.relocation import relocate
from cloudbed.serve import serve

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cloudbed.layout import Host

READY = "services.json"
_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG
# What every service needs: imported once, so that the children share the pages and the time.
_SHARED = (
    "alembic", "cryptography.fernet", "dogpile.cache", "jsonschema", "keystonemiddleware.auth_token",
    "oslo_config.cfg", "oslo_log.log", "oslo_middleware", "oslo_policy.policy", "paste.deploy", "requests",
    "routes", "sqlalchemy.orm", "webob", "yaml",
)  # fmt: skip


class ServiceEndedError(Exception):
    """A service ended; the text carries the end of its log."""


def run(folder: Path, seed: Path, hosts: Mapping[str, Host]) -> None:
    """Start a cloud in `folder` from a copy of the seed and stay with it; its addresses go to READY.

    Raises:
        ServiceEndedError: a service did not start, or ended later.
    """
    state = folder / "state"
    shutil.copytree(seed / "state", state)
    with ExitStack() as stack:
        listeners = {name: stack.enter_context(listener()) for name in SERVICES}
        layout = layout_at(state, listeners, hosts)
        configuration.write(layout)
        relocate(layout)
        for name in _SHARED:
            importlib.import_module(name)
        with running(folder, layout, listeners) as children:
            urls = {name: layout.url(name) for name in SERVICES}
            partial = folder / f"{READY}.partial"
            partial.write_text(json.dumps(urls), "utf-8")
            partial.rename(folder / READY)
            ended, _ = os.wait()
            raise ServiceEndedError(_complaint(folder, children.pop(ended)))


def listener() -> socket.socket:
    """A port of loopback of our own: held from now on, so that nobody else can take it."""
    held = socket.socket()
    held.bind((ADDRESS, 0))
    return held


def layout_at(state: Path, listeners: Mapping[str, socket.socket], hosts: Mapping[str, Host]) -> Layout:
    """A cloud that listens there."""
    return Layout(state, {name: held.getsockname()[1] for name, held in listeners.items()}, hosts)


@contextmanager
def running(folder: Path, layout: Layout, listeners: Mapping[str, socket.socket]) -> Iterator[dict[int, str]]:
    """Names of the services by process id, all of them answering; killed at the end of the block."""
    tempfile.tempdir = str(layout.state / "tmp")
    gc.freeze()  # what is shared with the children stays untouched, and so stays shared
    children: dict[int, str] = {}
    parent = os.getpid()
    try:
        for name in listeners:
            pid = os.fork()
            if not pid:
                _child(folder, layout, name, listeners, parent)
            children[pid] = name
            _remember(folder, name, pid)
        for held in listeners.values():
            held.close()  # or a service that died would still seem to listen
        _wait_for(folder, layout, children)
        yield children
    finally:
        for pid, name in children.items():
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            (folder / f"{name}.pid").unlink()


def _child(
    folder: Path, layout: Layout, name: str, listeners: Mapping[str, socket.socket], parent: int
) -> NoReturn:
    """The life of a service. Nothing of the parent's own goes on in it."""
    try:
        ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)  # it was killed before this process could ask to follow
        log = os.open(folder / f"{name}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(log, sys.stdout.fileno())
        os.dup2(log, sys.stderr.fileno())
        for other, held in listeners.items():
            if other != name:
                held.close()
        serve(layout, name, listeners[name])
    except BaseException:  # noqa: BLE001 # whatever it was, it is told in the log, and the process ends here
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(1)


def _remember(folder: Path, name: str, pid: int) -> None:
    """Write down which process this is: its id alone may be somebody else's one day."""
    began = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[19]
    (folder / f"{name}.pid").write_text(f"{pid} {began}", "utf-8")


def _wait_for(folder: Path, layout: Layout, children: dict[int, str]) -> None:
    waiting = set(children.values())
    while waiting:
        ended, _ = os.waitpid(-1, os.WNOHANG)
        if ended:
            raise ServiceEndedError(_complaint(folder, children.pop(ended)))
        waiting -= {name for name in waiting if answers(layout, name)}
        time.sleep(0.05)


def _complaint(folder: Path, name: str) -> str:
    lines = (folder / f"{name}.log").read_text("utf-8", "replace").splitlines()
    return "\n".join([f"{name} ended; the end of its log:", *lines[-20:]])
