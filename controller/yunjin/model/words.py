"""The one table of words that people read: Chinese government practice, English, and what is never said.

Used by the command line, the rules, reports and the glossary page (docs/glossary.md, printed by
`python -m yunjin.model.words`). Calls nothing but `yunjin.errors`. Promises that a term used on a screen or a
paper stands here once. A term that is missing is added here first.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from yunjin.errors import Text

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Term:
    """One thing and what it is called.

    Attributes:
        never: Chinese words that are wrong for this thing but right for another.
        nowhere: Chinese words that have no place in the product at all; a test looks for them.
        note: when the term is used, where that is not plain.
    """

    code: str
    text: Text
    never: tuple[str, ...] = ()
    nowhere: tuple[str, ...] = ()
    note: Text | None = None


def _term(
    code: str,
    zh: str,
    en: str,
    *,
    never: tuple[str, ...] = (),
    nowhere: tuple[str, ...] = (),
    note: Text | None = None,
) -> Term:
    return Term(code, Text(zh, en), never, nowhere, note)


_OTHER: Final = Text("该词另有所指", "the word means something else")

_WHO: Final = (
    _term(
        "product",
        "云锦",
        "Yunjin",
        note=Text("正式文件用本市自己的标题", "papers bear the city's own titles instead"),
    ),
    _term("city", "全市", "the city"),
    _term("bureau", "部门", "bureau"),
    _term("area", "县区(园区)", "county, district or zone", nowhere=("区县",)),
    _term("line", "行业条线", "line"),
    _term("institution", "事业单位", "institution"),
    _term("enterprise", "企业", "enterprise"),
    _term("tenant", "用云单位", "tenant", never=("租户",), note=Text("租户限运维", "operators may say 租户")),
    _term("lead", "牵头部门", "lead bureau"),
    _term("coop", "配合部门", "cooperating bodies"),
    _term("contact.technical", "技术联系人", "technical contact"),
    _term("contact.business", "业务联系人", "business contact"),
    _term("quarantine", "隔离待核", "quarantined"),
    _term("paper", "批准文号", "paper", note=Text("批准文件的编号", "number of the approving document")),
    _term("three-administrators", "三员管理", "three administrators", nowhere=("三权分立",)),
)

_CHANGES: Final = (
    _term("reorganisation", "机构调整", "reorganisation"),
    _term("reorganisation.rename", "更名", "rename"),
    _term("reorganisation.merge", "合并", "merger"),
    _term("reorganisation.split", "划分", "split"),
    _term("reorganisation.transfer", "职能移交", "transfer of functions"),
    _term("reorganisation.pending", "待生效", "waits for its day"),
    _term("reorganisation.in-ledger", "台账已完成, 申报文件待写", "in the ledger, files to be written"),
    _term("reorganisation.carried-out", "已执行", "carried out"),
    _term("effective", "生效日期", "takes effect"),
    _term("steward", "数据责任部门", "steward"),
    _term("successor", "承接部门", "successor"),
)

_WHAT: Final = (
    _term("programme", "行动计划", "action plan"),
    _term("element", "建设任务", "element", nowhere=("元素", "要素")),
    _term("platform", "平台", "platform"),
    _term("task", "重点工作", "task"),
    _term("system", "系统", "system"),
    _term("data-set", "数据资源", "data set"),
    _term("provisional", "暂定", "provisional"),
    _term("simulated", "模拟底座", "simulated substrate"),
    _term("as-of", "业务日期", "business date"),
)

_WHERE: Final = (
    _term("zone", "网络区域", "zone"),
    _term("zone.inet", "互联网接入区", "Internet access zone", nowhere=("互联网区",)),
    _term("zone.egov", "公用网络区(政务外网)", "public e-government zone"),
    _term("zone.egov-ded", "专用网络区", "dedicated e-government zone"),
    _term("zone.mgmt", "管理区", "management zone"),
    _term("zone.exch", "交换区", "exchange zone"),
    _term("xc", "信创区", "domestic hardware"),
    _term("mlps", "等保级别", "MLPS level"),
    _term("endpoint", "接入点", "endpoint"),
    _term("pool", "资源池", "pool"),
    _term("leaf", "命名空间/项目", "namespace or project"),
    _term("leaf.kubernetes", "命名空间", "namespace"),
    _term("leaf.openstack", "项目", "project"),
    _term("server", "服务器", "server"),
    _term("accepted-on-site", "原址纳管", "accepted on its site"),
    _term("moved-in", "物理迁入", "moved in"),
    _term("scrap", "不宜纳管(建议按国有资产处置程序办理)", "not to be enrolled", nowhere=("报废",)),
)

_QUOTA: Final = (
    _term("ledger", "资源台账", "ledger", nowhere=("账本",)),
    _term("grant", "核定配额", "grant", never=("授权",)),
    _term("guarantee", "保底额度", "guarantee"),
    _term("limit", "配额上限", "limit"),
    _term("allotted", "分配额度", "allotted"),
    _term("borrowed", "借用额度", "borrowed"),
    _term("charged", "计入额度", "charged"),
    _term("free", "尚可分配", "free"),
    _term("bound-by", "受限于", "bounded by"),
    _term("all-pools", "各资源池合计", "all pools"),
    _term("reservation", "预占", "reservation"),
    _term("deficit", "欠额", "deficit"),
    _term("supply", "供给", "supply"),
    _term("reserve", "预留", "failover reserve"),
    _term(
        "relief", "补足", "relief", note=Text("只提建议, 经批准办理", "a proposal, carried out once approved")
    ),
    _term("contribution", "设备移交", "contribution"),
    _term("recall", "收回", "recall", note=Text("移交的设备", "of servers handed over")),
    _term("factor", "折算比例", "contribution factor"),
    _term("cpu", "处理器", "CPU"),
    _term("memory", "内存", "memory"),
    _term("storage", "存储", "storage"),
    _term("pods", "容器组", "pods"),
    _term("load-balancers", "负载均衡", "load balancers"),
    _term("floating-ips", "浮动地址", "floating IPs"),
    _term("volumes", "云硬盘", "volumes"),
    _term("ports", "网络端口", "network ports"),
    _term("gpu", "图形处理器", "GPU"),
)

_AUDIT: Final = (
    _term("audit", "审计记录", "audit"),
    _term("audit.chain", "审计链", "audit chain"),
    _term("audit.head", "链头", "head of the audit chain"),
    _term("audit.sealed", "封存", "sealed"),
    _term("backup", "备份", "backup"),
    _term("restore", "恢复备份", "restore"),
)

_SPINE: Final = (
    _term("plan", "变更方案", "plan", never=("计划",), note=_OTHER),
    _term("apply", "下发执行", "apply", never=("申请",), note=_OTHER),
    _term("drift", "实际与登记不一致", "drift", nowhere=("漂移",)),
    _term("rule", "规则", "rule"),
    _term("finding", "检查结果", "finding"),
    _term("basis", "依据", "basis"),
    _term("basis.own", "本市自定", "set by the city itself"),
    _term("remedy", "处理办法", "remedy"),
    _term("severity.error", "错误", "error"),
    _term("severity.warning", "警告", "warning"),
    _term("severity.notice", "提示", "notice"),
    _term("action.create", "新建", "create"),
    _term("action.update", "修改", "update"),
    _term("action.delete", "删除", "delete"),
    _term("outcome.done", "已执行", "done"),
    _term("outcome.already", "已是所需状态", "already as wanted"),
    _term("outcome.moved", "已被他人改动, 跳过", "moved, skipped"),
    _term("outcome.pending", "尚未生效", "pending"),
    _term("outcome.failed", "失败", "failed"),
    _term("outcome.skipped", "已跳过", "skipped"),
    _term("outcome.before", "待核实", "in doubt"),
    _term("unknown", "未知", "unknown"),
)

_REVIEW: Final = (
    _term("request", "资源申请", "request"),
    _term("verdict.pass", "通过", "pass", note=Text("预审意见", "the machine's preliminary opinion")),
    _term("verdict.reuse", "建议复用", "reuse advised"),
    _term("verdict.cut", "建议核减", "cut advised"),
    _term("verdict.expert", "提请专家评审", "put to the experts"),
    _term("verdict.decline", "建议不予立项", "no project advised", nowhere=("驳回",)),
    _term("return", "退回补正", "returned for completion"),
    _term(
        "reject",
        "不予通过",
        "not approved",
        note=Text("由审批人决定, 机器只提建议", "a person's decision; the machine only advises"),
    ),
    _term("appeal", "申请复核", "ask for a second review", nowhere=("申诉",)),
    _term("four-eyes", "双人复核", "four eyes"),
    _term("avoided-cost", "测算节约", "avoided cost (calculated)", never=("节约",)),
    _term("show-back", "费用测算(不结算)", "show-back", nowhere=("账单",)),
)

_USE: Final = (
    _term("zombie", "长期闲置系统", "long idle system", nowhere=("僵尸",)),
    _term("idle", "闲置", "idle"),
    _term("low", "低效", "low use"),
    _term("hot", "紧张", "short of capacity"),
    _term("self-reduce", "自行核减", "reduced by its owner"),
    _term("supervised", "督办", "supervised"),
    _term("forced", "强制调整", "forced adjustment"),
    _term("exempt", "备案保留", "kept on record"),
    _term("red-list", "重点整改清单", "list for correction", nowhere=("红榜",)),
    _term("yellow-list", "关注清单", "watch list"),
    _term("no-data", "数据不足", "not enough data", never=("0",)),
    _term("not-scored", "不计分", "not scored", never=("0 分",)),
    _term("admitted", "已准入", "admitted", never=("已部署",)),
    _term("scheduled", "已调度", "scheduled"),
    _term("probed", "功能已验证", "probed"),
)

_SECTIONS: Final = (
    (Text("单位", "Who"), _WHO),
    (Text("机构调整", "Reorganisations"), _CHANGES),
    (Text("建设内容", "What is built"), _WHAT),
    (Text("资源位置", "Where it runs"), _WHERE),
    (Text("配额", "Quota"), _QUOTA),
    (Text("变更与检查", "Change and check"), _SPINE),
    (Text("审计与备份", "Audit and backup"), _AUDIT),
    (Text("申请与审核", "Request and review"), _REVIEW),
    (Text("使用情况", "Use"), _USE),
)

WORDS: Final[Mapping[str, Term]] = {term.code: term for _, terms in _SECTIONS for term in terms}


def word(code: str) -> Text:
    """What people call the thing. Raises KeyError for a code that is not in the table."""
    return WORDS[code].text


def nowhere() -> Mapping[str, str]:
    """Chinese words that no text of the product may contain, each with the term to use instead."""
    return {wrong: term.text.zh for term in WORDS.values() for wrong in term.nowhere}


def glossary() -> str:
    """The glossary page, Markdown, in both languages."""
    lines = [
        "# Glossary 术语表",
        "",
        "Printed by `python -m yunjin.model.words`; a test compares it with the code.",
        "本页由程序生成, 与代码不一致时测试不通过。",
        "",
        "The column *never* lists words that are wrong for the thing; those in **bold** are used nowhere.",
        "“不用”一栏是不得用于该事项的说法, **加粗**的在任何地方都不使用。",
    ]
    for title, terms in _SECTIONS:
        lines += ["", f"## {title.en} {title.zh}", ""]
        lines += ["| code | 中文 | English | never 不用 | note 说明 |", "|---|---|---|---|---|"]
        lines += [_row(term) for term in terms]
    return "\n".join(lines) + "\n"


def _row(term: Term) -> str:
    wrong = ", ".join((*(f"**{banned}**" for banned in term.nowhere), *term.never))
    note = f"{term.note.zh}; {term.note.en}" if term.note else ""
    return f"| {term.code} | {term.text.zh} | {term.text.en} | {wrong} | {note} |"


if __name__ == "__main__":
    sys.stdout.write(glossary())
