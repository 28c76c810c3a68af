"""A process that decides: `ledger_worker.py FOLDER URL`. For each line of JSON it does an operation.

Started by `deciders`. A line is [operation, request]; the answer is a line too: {"result": ...} or {"error":
its code, "facts": ..., "message": [zh, en]}. An operation is named `module:function` of `yunjin.ledger`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from ledgers import Hand
from yunjin.errors import YunjinError
from yunjin.store import Store
from yunjin.store.operations import named


def main() -> None:
    """Until stdin ends."""
    folder, url = sys.argv[1:]
    with Store.open(Path(folder), url=url or None) as store:
        hand = Hand(store.database)
        print("ready", flush=True)
        for line in sys.stdin:
            name, request = json.loads(line)
            try:
                answer = {"result": hand(named(f"yunjin.ledger.{name}"), **request)}
            except YunjinError as error:
                message = [error.message.zh, error.message.en]
                answer = {"error": error.code, "facts": dict(error.facts), "message": message}
            print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
