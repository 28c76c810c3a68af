"""Amounts on the command line: their options, and how they are read.

Used by the commands that ask for or state quota. Calls the model. Promises that a wrong amount is named with
its option and the form it should have, and that nothing is guessed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final

import typer

from yunjin.errors import Text, UsageError
from yunjin_cli.speech import said

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydantic_core import PydanticCustomError

    from yunjin.model.amounts import Amounts

CpuOption = Annotated[
    str | None, typer.Option("--cpu", metavar="N", help=said("处理器核数, 如 4 或 500m", "cores: 4 or 500m"))
]
MemoryOption = Annotated[
    str | None, typer.Option("--memory", metavar="N", help=said("内存, 如 8Gi", "memory: 8Gi"))
]
StorageOption = Annotated[
    str | None,
    typer.Option("--storage", metavar="N", help=said("存储, 如 100Gi 或 2Ti", "storage: 100Gi or 2Ti")),
]
PodsOption = Annotated[
    str | None, typer.Option("--pods", metavar="N", help=said("容器组个数", "number of pods"))
]
DimensionOption = Annotated[
    list[str] | None,
    typer.Option(
        "--dimension",
        metavar="NAME=N",
        help=said("其他资源, 如 gpu/a10=2, 可重复", "another dimension: gpu/a10=2; may be repeated"),
    ),
]

_DIMENSIONS: Final = (
    "cpu, memory, storage, pods, load-balancers, floating-ips, volumes, ports, storage/CLASS, gpu/MODEL"
)


@dataclass(frozen=True, slots=True)
class Asked:
    """Amounts as the options of one command give them."""

    cpu: str | None = None
    memory: str | None = None
    storage: str | None = None
    pods: str | None = None
    others: Iterable[str] = ()

    def amounts(self) -> Amounts:
        """All of them. Raises UsageError where one is wrong, none is given, or one is given twice."""
        named = {"cpu": self.cpu, "memory": self.memory, "storage": self.storage, "pods": self.pods}
        pairs = [(dimension, text) for dimension, text in named.items() if text is not None]
        pairs += [_pair(other) for other in self.others]
        if not pairs:
            raise UsageError(
                Text("未写明数额", "no amount is given"),
                Text("写明 --cpu、--memory 等", "give --cpu, --memory and so on"),
            )
        return _amounts(pairs)


def listed(text: str) -> Amounts:
    """Amounts in one word: `cpu=5,memory=8Gi`. Raises UsageError."""
    return _amounts([_pair(part) for part in text.split(",")])


def _pair(text: str) -> tuple[str, str]:
    dimension, equals, amount = text.partition("=")
    if not equals:
        raise UsageError(
            Text(f"{text!r} 不是“资源=数额”的形式", f"{text!r} is not NAME=AMOUNT"),
            Text("写成 cpu=4 或 memory=8Gi 的形式", "write it as cpu=4 or memory=8Gi"),
        )
    return dimension.strip(), amount.strip()


def _amounts(pairs: list[tuple[str, str]]) -> Amounts:
    from pydantic_core import PydanticCustomError

    from yunjin.model.amounts import Amounts, parse

    found: dict[str, int] = {}
    for dimension, text in pairs:
        if dimension in found:
            raise UsageError(
                Text(f"{dimension} 写了两次", f"{dimension} is given twice"),
                Text("每种资源只写一次", "give each dimension once"),
            )
        try:
            found[dimension] = parse(dimension, text)
        except PydanticCustomError as error:
            raise _wrong(error) from None
    return Amounts(found)


def _wrong(error: PydanticCustomError) -> UsageError:
    context = error.context or {}
    dimension, written, expected = (context.get(key) for key in ("dimension", "written", "expected"))
    if error.type == "amount_dimension":
        return UsageError(
            Text(f"台账不计 {dimension}", f"the ledger counts no {dimension}"),
            Text(f"可用的资源: {_DIMENSIONS}", f"it counts {_DIMENSIONS}"),
        )
    reasons = {
        "amount_negative": Text("不能为负", "is negative"),
        "amount_overflow": Text("超出可计范围", "is more than can be counted"),
    }
    reason = reasons.get(error.type, Text("无法识别", "is no such amount"))
    return UsageError(
        Text(f"{dimension} 的数额 {written!r} {reason.zh}", f"{written!r} of {dimension} {reason.en}"),
        Text(f"写成 {expected} 的形式".replace(" or ", " 或 "), f"write it as {expected}"),
    )
