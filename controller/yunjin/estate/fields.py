"""Places inside items: the line and column of one field.

Called by the checks of `yunjin.estate` and by whoever blames one field of a loaded estate; calls the parser.
A loaded estate keeps places of items alone, so a file is parsed again when one of its fields is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from yunjin.errors import Place
from yunjin.estate.diagnostics import Diagnostics
from yunjin.estate.files import MAX_BYTES
from yunjin.estate.nodes import Node, Step, parse

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from yunjin.estate.documents import Item
    from yunjin.model.estate import Estate

_KEPT: Final = 16  # trees at a time: the shared files and a few tenants


class Fields:
    """Places of fields during one run of the checks."""

    def __init__(self) -> None:
        self._trees: dict[Path, Node | None] = {}

    def place(self, item: Item, steps: Sequence[Step]) -> Place:
        """Where a field of `item` stands; the nearest part around it where the field is not written."""
        path, text = item.file.path, item.file.text
        if path not in self._trees:
            if len(self._trees) == _KEPT:
                self._trees.clear()
            self._trees[path] = parse(path, text, Diagnostics()).root if text is not None else None
        root = self._trees[path]
        return Place(path, *root.locate(("items", item.number, *steps))) if root else item.place


def field_place(estate: Estate, kind: str, item: str, *steps: Step) -> Place | None:
    """Where a field of a declared item stands: `field_place(estate, "tenant", "jtj", "contacts", 0, "post")`.

    Falls back to the place of the item when its file has changed since it was loaded.

    Returns:
        None for an item that no file declares, as `Estate.place` does.
    """
    place = estate.place(kind, item)
    if place is None:
        return None
    try:
        with place.path.open("rb") as file:
            text = file.read(MAX_BYTES).decode()
    except (OSError, UnicodeDecodeError):
        return place
    root = parse(place.path, text, Diagnostics()).root
    items = root.child("items") if root else None
    nodes = items.value if items and isinstance(items.value, list) else []
    node = next((node for node in nodes if (node.line, node.column) == (place.line, place.column)), None)
    return Place(place.path, *node.locate(steps)) if node else place
