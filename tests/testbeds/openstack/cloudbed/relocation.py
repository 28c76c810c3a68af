"""Fits a copy of the seed's databases to the folder and the ports of one cloud.

Called by `run`. Calls sqlite3 alone. Promises that no address and no path of the seed is left in what the
services hand out: Keystone keeps the addresses of its catalogue, Nova where its cells lie.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from cloudbed.layout import SERVICES

if TYPE_CHECKING:
    from cloudbed.layout import Layout


def relocate(layout: Layout) -> None:
    """Rewrite what the databases below `layout.state` know of places."""
    with closing(sqlite3.connect(layout.file("keystone"))) as keystone, keystone:
        for name in SERVICES:
            keystone.execute(
                "UPDATE endpoint SET url = ? WHERE service_id IN"
                " (SELECT id FROM service WHERE json_extract(extra, '$.name') = ?)",
                (layout.url(name), name),
            )
    with closing(sqlite3.connect(layout.file("nova_api"))) as nova, nova:
        for cell in ("cell0", "cell1"):
            nova.execute(
                "UPDATE cell_mappings SET database_connection = ? WHERE name = ?",
                (layout.database(f"nova_{cell}"), cell),
            )
