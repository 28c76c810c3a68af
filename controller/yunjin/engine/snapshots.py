"""What rules may know of a ledger that is elsewhere, from a document exported of it.

Called by `yunjin validate --snapshot`, which a continuous integration runs without a database. Calls
`yunjin.ledger.snapshot` and the facts that the spine too hands to the rules, so that both judge alike.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

from yunjin.engine import accounts
from yunjin.engine.fit import lacks
from yunjin.errors import Text, UsageError
from yunjin.ledger import books, snapshot
from yunjin.ledger.export import signed_text

if TYPE_CHECKING:
    from pathlib import Path

    from yunjin.model.estate import Estate
    from yunjin.policy import LedgerFacts


def facts(path: Path, key: Path | None, estate: Estate) -> LedgerFacts:
    """Facts of an exported ledger.

    Args:
        path: the document.
        key: public key of whoever must have signed it; None where its digest is enough.
        estate: the declared city.

    Raises:
        UsageError: it is no export, or of a ledger that no city has entered yet.
        RefusalError: somebody else signed it, or nobody.
    """
    with closing(snapshot.read(path)) as ledger:
        if key:
            from yunjin.store import signatures

            signatures.verify(signed_text(ledger.digest), ledger.signature, key)
        found = accounts.facts(ledger, estate)
        if found is None:
            raise UsageError(
                Text(f"{path} 中的台账尚未建立", f"no city has entered the ledger of {path}"),
                Text("在首次 yunjin apply 之后重新导出", "export it again after the first yunjin apply"),
            )
        read = books.read(ledger, (books.NODES, books.CELLS, books.SUPPLY))
        return replace(found, lacks=lacks(estate, found, read))
