"""Which addresses never leave this machine.

Asked by whoever connects, before a secret goes out unencrypted: nobody can listen on loopback. Calls nothing.
"""

from __future__ import annotations

from ipaddress import ip_address


def is_loopback(host: str) -> bool:
    """Whether what is sent to a host, a name or an address, stays on this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
