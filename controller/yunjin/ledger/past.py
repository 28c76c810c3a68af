"""What the audit says of an earlier moment: which reservations were under way, and which nodes had ended.

Used by `books`, which puts these statements into its one. Calls nothing. Promises that a reservation has the
state and the amounts which it had then, whatever became of it since: a row of `reservations` says only what
is so now.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from yunjin.store.connection import Dialect

# A reservation goes one way: waiting, reserved (0), committed (1), over (2). How far it came is its state.
_RANK: Final = (
    "CASE WHEN audit.operation = 'commit' THEN 1 WHEN audit.operation = 'follow' AND {state} = 'reserved' "
    "THEN 0 ELSE 2 END AS furthest FROM audit, {each} "
    "WHERE audit.operation IN ('commit', 'confirm', 'expire', 'follow') AND audit.at <= ?"
)
_RELEASED: Final = "{one}, 2 FROM audit WHERE audit.operation = 'release' AND audit.at <= ?"
_STEPS: Final[Mapping[Dialect, str]] = {
    "sqlite": (
        "SELECT part.value AS number, "
        + _RANK.format(
            state="json_extract(audit.result, '$.state')",
            each="json_each(audit.result, '$.reservations') part",
        )
        + " UNION ALL SELECT "
        + _RELEASED.format(one="json_extract(audit.result, '$.reservation')")
    ),
    "postgresql": (
        "SELECT CAST(part.value AS BIGINT) AS number, "
        + _RANK.format(
            state="CAST(audit.result AS JSONB) ->> 'state'",
            each="jsonb_array_elements_text(CAST(audit.result AS JSONB) -> 'reservations') AS part (value)",
        )
        + " UNION ALL SELECT "
        + _RELEASED.format(one="CAST(CAST(audit.result AS JSONB) ->> 'reservation' AS BIGINT)")
    ),
}
RESERVATION: Final = (
    "r.id, r.leaf, r.pool, CASE WHEN steps.furthest = 1 THEN 'committed' "
    "WHEN steps.furthest IS NULL AND r.follows IS NOT NULL THEN 'waiting' ELSE 'reserved' END, "
    "r.expires, r.follows, r.actor, r.at, d.dimension, d.delta"
)
RESERVATIONS: Final[Mapping[Dialect, str]] = {
    dialect: (
        "FROM reservations r LEFT JOIN reservation_amounts d ON d.reservation = r.id "  # noqa: S608 (constants)
        f"LEFT JOIN (SELECT number, MAX(furthest) AS furthest FROM ({steps}) taken GROUP BY number) steps "
        "ON steps.number = r.id WHERE r.at <= ? AND COALESCE(steps.furthest, 0) < 2"
    )
    for dialect, steps in _STEPS.items()
}
"""Those under way at the moment; it stands in the statement three times."""
CUTS: Final[Mapping[Dialect, str]] = {
    "sqlite": (
        "FROM (SELECT json_extract(part.value, '$[0]') AS number, figure.key AS dimension, "
        "SUM(figure.value) AS cut FROM audit, json_each(audit.result, '$.trimmed') part, "
        "json_each(part.value, '$[1]') figure WHERE audit.operation IN ('release', 'expire') "
        "AND audit.at > ? GROUP BY 1, 2) cuts"
    ),
    "postgresql": (
        "FROM (SELECT CAST(part.value ->> 0 AS BIGINT) AS number, figure.key AS dimension, "
        "CAST(SUM(CAST(figure.value AS BIGINT)) AS BIGINT) AS cut FROM audit, "
        "jsonb_array_elements(CAST(audit.result AS JSONB) -> 'trimmed') AS part (value), "
        "jsonb_each_text(part.value -> 1) AS figure (key, value) "
        "WHERE audit.operation IN ('release', 'expire') AND audit.at > ? GROUP BY 1, 2) cuts"
    ),
}
"""What was cut from each since the moment, by dimension."""
ENDED: Final[Mapping[Dialect, str]] = {
    "sqlite": (
        "FROM (SELECT json_extract(request, '$.node') AS node FROM audit "
        "WHERE operation = 'end_node' AND at <= ? UNION SELECT part.value FROM audit, "
        "json_each(audit.result, '$.ended') part "
        "WHERE audit.operation = 'carry_out_reorganisation' AND audit.at <= ?) ends"
    ),
    "postgresql": (
        "FROM (SELECT CAST(request AS JSONB) ->> 'node' AS node FROM audit "
        "WHERE operation = 'end_node' AND at <= ? UNION SELECT part.value FROM audit, "
        "jsonb_array_elements_text(CAST(audit.result AS JSONB) -> 'ended') AS part (value) "
        "WHERE audit.operation = 'carry_out_reorganisation' AND audit.at <= ?) ends"
    ),
}
"""Nodes of which it was on record at the moment that they end."""


def uncut(rows: Iterable[list[Any]], cuts: Iterable[list[Any]]) -> list[list[Any]]:
    """Rows of reservations with the amounts they had before they were cut; without those that had none.

    Only shrinks are cut, and what follows them; what a cut took to nothing has no amount on record any more.
    """
    heads: dict[int, list[Any]] = {}
    amounts: dict[int, dict[str, int]] = {}
    for *head, dimension, delta in rows:
        heads[head[0]] = head
        into = amounts.setdefault(head[0], {})
        if dimension is not None:
            into[dimension] = delta
    for number, dimension, cut in cuts:
        if number in heads:
            follows = heads[number][5] is not None
            before = amounts[number].get(dimension, 0)
            amounts[number][dimension] = before + cut if follows else before - cut
    return [[*head, *amount] for number, head in heads.items() for amount in amounts[number].items()]
