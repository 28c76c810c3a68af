"""Why a plan leaves a leaf alone, in words.

Called by `endpoint`. Promises a sentence for every kind of hold that says what to do about it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from yunjin.errors import Text
from yunjin.model.change import Hold
from yunjin.model.formats import amount_text, dimension_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from yunjin.errors import Lang
    from yunjin.model.tenancy import Leaf

Whole = Literal[Hold.PROTECTED, Hold.QUARANTINED, Hold.FOREIGN, Hold.ENDING]


def in_use(leaf: Leaf, kept: Mapping[str, int]) -> Text:
    """Its quota shrinks to `kept`, by dimension, for now."""

    def said(lang: Lang) -> str:
        parts = (
            (dimension_text(d).of(lang), *(amount_text(d, v, lang) for v in (leaf.allotted.of(d), used)))
            for d, used in kept.items()
        )
        form = Text("{}应减到 {}, 现用 {}", "{} to {}, {} in use").of(lang)
        return ", ".join(form.format(*part) for part in parts)

    return Text(
        f"{leaf.name} 的配额低于实际用量: {said('zh')}; 先减到现用数额, 其余待用量下降后收回",
        f"{leaf.name} uses more than it shall hold: {said('en')}; its quota shrinks to what is used for now, "
        "the rest is taken when use has come down",
    )


def of(hold: Whole, leaf: str, tenant: str) -> Text:
    """The sentence for one leaf that is left alone."""
    match hold:
        case Hold.PROTECTED:
            return Text(
                f"{leaf} 属受保护用云单位 {tenant or '?'}, 不予删除; 如确需删除, 先解除保护并下发执行",
                f"{leaf} belongs to protected tenant {tenant or '?'} and is not removed; "
                "to remove it, lift the protection and apply that first",
            )
        case Hold.QUARANTINED:
            return Text(
                f"{leaf}(用云单位 {tenant})隔离待核, 不作改动; 先补全主管部门、联系人和批准文号",
                f"{leaf} of tenant {tenant} is in quarantine, nothing is changed; "
                "name its bureau, contacts and paper first",
            )
        case Hold.FOREIGN:
            return Text(
                f"{leaf} 已存在且不由本接入点的云锦管理, 不作改动; 纳入管理请用 yunjin import",
                f"{leaf} exists and is not Yunjin's on this endpoint, nothing is changed; "
                "take it over with yunjin import",
            )
        case Hold.ENDING:
            return Text(
                f"{leaf} 正在被他人删除, 待删除完成后重新生成变更方案",
                f"somebody is removing {leaf}; make a new plan when it is gone",
            )
