"""Who gives a command, as audit, journal and plans name them.

Called by every command that changes something. Calls the operating system's table of accounts. Promises the
account that the process runs as, which no variable of the environment can hide.
"""

from __future__ import annotations

import os
import pwd


def actor() -> str:
    """The account; where somebody came to it by sudo, who did, with the account in brackets."""
    number = os.getuid()
    try:
        account = pwd.getpwuid(number).pw_name
    except KeyError:  # a container that knows numbers only
        account = str(number)
    caller = os.environ.get("SUDO_USER")
    return f"{caller} ({account})" if caller and caller != account else account
