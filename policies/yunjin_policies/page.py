"""The table of rules as a page, so that the documentation cannot say something else than the code.

Printed by `python -m yunjin_policies.page zh|en` into docs/rules.zh-CN.md and docs/rules.md; a test compares
them. Calls the rules and the table of words.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from yunjin.errors import Lang, Text
from yunjin.model.formats import basis_text
from yunjin.model.words import word
from yunjin.policy import Scope
from yunjin_policies import contacts, dates, fit, identity, isolation, leads, quota, removal, zones

if TYPE_CHECKING:
    from yunjin.policy import Rule

_FAMILIES: Final = (
    (Text("配额", "Quota"), quota.RULES),
    (Text("容纳", "Fit"), fit.RULES),
    (Text("网络区域", "Zones"), zones.RULES),
    (Text("联系人", "Contacts"), contacts.RULES),
    (Text("牵头与配合", "Leads and cooperation"), leads.RULES),
    (Text("日期与有效期", "Dates and validity"), dates.RULES),
    (Text("删除、接管与未知", "Removal, taking over, the unknown"), removal.RULES),
    (Text("隔离", "Isolation"), isolation.RULES),
    (Text("编号与出处", "Ids and sources"), identity.RULES),
)
_INTRO: Final = (
    Text("# 规则表", "# Rules"),
    Text(
        "每条规则都是只读申报文件和变更方案的纯函数, 在两处执行: `yunjin validate` 检查申报文件, "
        "下发执行之前审查变更方案。只写“审查”的规则须有变更方案, 或已观测接入点; 与台账对照的规则在 "
        "`yunjin validate --snapshot` 时也执行。",
        "Every rule is a pure function over the declared files and a plan. Rules run at two points: "
        "`yunjin validate` checks the declared files, and every plan is judged before it is applied. "
        "A rule that runs at *judge* alone needs a plan, or endpoints that were looked at; rules beside the "
        "ledger also run at `yunjin validate --snapshot`.",
    ),
    Text(
        "错误使变更方案不得下发执行(退出码 1); 警告不阻止, `--strict` 时按错误计; 提示仅供知悉。",
        "An error keeps a plan from being applied (exit code 1); a warning does not, unless `--strict` is "
        "given; a notice only informs.",
    ),
    Text(
        "依据写明文件和条款; 没有文件的为“本市自定”, 条款尚未核对的注明“待核”。",
        "The basis is a document and its clause; without one the city set the rule itself, and a clause "
        "that nobody has read yet says so.",
    ),
    Text(
        "规则自身执行失败也是错误: 没有判断过的变更不下发执行。",
        "A rule that itself fails is an error too: nothing unjudged is applied.",
    ),
    Text(
        "本页由 `python -m yunjin_policies.page zh` 生成, 与代码不一致时测试不通过。",
        "This page is printed by `python -m yunjin_policies.page en`; a test compares it with the code.",
    ),
)
_POINTS: Final = {
    Scope.ESTATE: Text("检查、审查", "validate, judge"),
    Scope.ENDPOINTS: Text("审查", "judge"),
    Scope.LEDGER: Text("对照台账的检查、审查", "validate beside a ledger, judge"),
    Scope.PLAN: Text("审查", "judge"),
}
_HEAD: Final = (
    Text("编号", "id"),
    Text("级别", "severity"),
    Text("要求", "what must hold"),
    Text("处理办法", "remedy"),
    Text("依据", "basis"),
    Text("执行时点", "runs at"),
)


def page(lang: Lang) -> str:
    """The whole page in one language, Markdown."""
    lines = [part for text in _INTRO for part in (text.of(lang), "")]
    for title, rules in _FAMILIES:
        lines += [f"## {title.of(lang)}", ""]
        lines += ["| " + " | ".join(text.of(lang) for text in _HEAD) + " |", "|" + "---|" * len(_HEAD)]
        lines += [_row(rule, lang) for rule in rules]
        lines.append("")
    return "\n".join(lines[:-1]) + "\n"


def _row(rule: Rule, lang: Lang) -> str:
    cells = (
        Text(rule.id, rule.id),
        word(f"severity.{rule.severity.value}"),
        rule.requires,
        rule.remedy,
        basis_text(rule.basis),
        _POINTS[rule.scope],
    )
    return "| " + " | ".join(cell.of(lang).replace("|", r"\|") for cell in cells) + " |"


if __name__ == "__main__":
    sys.stdout.write(page("en" if sys.argv[1:] == ["en"] else "zh"))
