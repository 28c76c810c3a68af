"""Whether the services of a cloud answer. Called by `run`, which waits for all, and by `serve`."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

from cloudbed.layout import ADDRESS

if TYPE_CHECKING:
    from cloudbed.layout import Layout

_WITHIN = 90.0  # seconds; 4 to 6 on an idle machine


def answers(layout: Layout, name: str) -> bool:
    """Whether anything at all comes back: a refusal is an answer, too."""
    try:
        urllib.request.urlopen(f"http://{ADDRESS}:{layout.ports[name]}/", timeout=30).close()
    except urllib.error.HTTPError as refusal:
        refusal.close()
    except OSError:
        return False
    return True


def wait_for(layout: Layout, *names: str) -> None:
    """Until the named services answer.

    Raises:
        TimeoutError: one does not.
    """
    deadline = time.monotonic() + _WITHIN
    for name in names:
        while not answers(layout, name):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{name} does not answer after {_WITHIN:.0f} s")
            time.sleep(0.05)
