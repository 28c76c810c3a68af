"""Networks out of a pool's prefixes, none of which overlaps another.

Called by `services` within a transaction. Calls the file. Promises what Neutron promises of a subnet pool.
"""

from __future__ import annotations

from ipaddress import IPv4Network
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS address (
  pool TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, leaf TEXT NOT NULL, name TEXT NOT NULL,
  PRIMARY KEY (pool, first));
CREATE INDEX IF NOT EXISTS address_of_leaf ON address (leaf, name);
"""


def allot(
    connection: sqlite3.Connection, pool: str, room: tuple[Iterable[str], int], subnet: tuple[str, str]
) -> IPv4Network | None:
    """A network of its own for a subnet; None where the pool has no room left.

    Args:
        connection: within a transaction.
        pool: name of the pool.
        room: its prefixes, and the length of the network wanted.
        subnet: its leaf and its name.
    """
    prefixes, length = room
    for prefix in map(IPv4Network, prefixes):
        if prefix.prefixlen > length:
            continue
        for start in _starts(connection, pool, prefix, 2 ** (32 - length)):
            network = IPv4Network((start, length))
            last = int(network.broadcast_address)
            connection.execute("INSERT INTO address VALUES (?, ?, ?, ?, ?)", (pool, start, last, *subnet))
            return network
    return None


def free(connection: sqlite3.Connection, leaf: str, name: str | None = None) -> None:
    """Give back what a subnet has; what all subnets of a leaf have, where none is named."""
    connection.execute("DELETE FROM address WHERE leaf = ? AND ? IN (name, '')", (leaf, name or ""))


def _starts(connection: sqlite3.Connection, pool: str, prefix: IPv4Network, size: int) -> Iterator[int]:
    """Where a network of `size` addresses fits: behind all others, else in the gaps between them."""
    low, high = int(prefix.network_address), int(prefix.broadcast_address)
    asked = (pool, low, high)
    (last,) = connection.execute(
        "SELECT max(last) FROM address WHERE pool = ? AND first BETWEEN ? AND ?", asked
    ).fetchone()
    start = low if last is None else -(-(last + 1) // size) * size
    if start + size - 1 <= high:
        yield start
    start = low
    taken = connection.execute(
        "SELECT first, last FROM address WHERE pool = ? AND first BETWEEN ? AND ? ORDER BY first", asked
    )
    for first, end in taken:
        if start + size <= first:
            yield start
        start = max(start, -(-(end + 1) // size) * size)
