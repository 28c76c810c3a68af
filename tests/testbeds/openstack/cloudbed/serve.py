"""One service, in this process and until it is killed.

Called by `run` after the fork. Calls the service's own WSGI application, waitress, and what pretends to be
the rest of the cloud. Promises to listen on the given socket and nowhere else.
"""

from __future__ import annotations

import importlib
import os
import sys
from typing import TYPE_CHECKING

import waitress

from cloudbed import answering, sqlite

if TYPE_CHECKING:
    import socket

    from cloudbed.layout import Layout

# Requests at a time. The others answer one after the other: see `sqlite`.
_THREADS = {"nova": 8, "cinder": 4}
_MODULES = {"nova": "nova.wsgi.osapi_compute"}


def serve(layout: Layout, name: str, listener: socket.socket) -> None:
    """Load the service and answer."""
    _tell_where(layout, name)
    with_workers = name in _THREADS
    if with_workers:
        # Their threads are real ones: this must be said before anything else of theirs is imported.
        importlib.import_module(f"{name}.monkey_patch").patch(backend="threading")
    sqlite.repeat_when_locked()
    if with_workers:
        sqlite.lock_first()
    application = importlib.import_module(_MODULES.get(name, f"{name}.wsgi.api")).application
    if with_workers:
        _begin_workers(layout, name)
    waitress.serve(application, sockets=[listener], threads=_THREADS.get(name, 1), ident=None)


def _tell_where(layout: Layout, name: str) -> None:
    """Each service looks for its file in its own way; Cinder's is a command line."""
    file = str(layout.configuration(name))
    sys.argv = [name, "--config-file", file] if name == "cinder" else [name]
    os.environ[f"OS_{name.upper()}_DISABLE_EVENTLET_PATCHING"] = "true"
    os.environ[f"OS_{name.upper()}_CONFIG_DIR"] = str(layout.configuration(name).parent)
    files = f"{sys.prefix}/etc/nova/api-paste.ini;{file}" if name == "nova" else file
    os.environ[f"OS_{name.upper()}_CONFIG_FILES"] = files


def _begin_workers(layout: Layout, name: str) -> None:
    answering.wait_for(layout, "keystone", "placement")
    if name == "nova":
        from cloudbed import pretend_compute

        pretend_compute.begin(layout.hosts)
    else:
        from cloudbed import pretend_volumes

        pretend_volumes.begin()
