"""A namespace or project that stands on its endpoint and that nobody has declared yet.

Called by `importing` and the command line. Calls the translators, and reads through a backend in `find`
alone. All technologies take the same way: what tells them apart lies behind the translator and in `_WAYS`.
Promises that whatever cannot be declared as it stands is refused in words that say what to do first.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from yunjin.engine.endpoints import CLOUDS, CLUSTERS, translators
from yunjin.errors import Text, UsageError
from yunjin.model.amounts import CPU, MEMORY, MOST, STORAGE, Amounts
from yunjin.model.formats import amounts_text, dimension_text
from yunjin.model.resources import ObjectClass
from yunjin.model.tenancy import leaf_node
from yunjin.model.words import word
from yunjin.plan.endpoint import EndpointPlan
from yunjin.substrates.kubernetes import compare
from yunjin.substrates.kubernetes import names as kubernetes
from yunjin.substrates.openstack import names as openstack
from yunjin.substrates.units import unfit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import date

    from yunjin.model.centre import Pool
    from yunjin.model.estate import Estate
    from yunjin.model.resources import LeafState, Live
    from yunjin.substrates.contract import Backend, Translator
    from yunjin.substrates.objects import Standard


@dataclass(frozen=True, slots=True)
class _Way:
    """What there is to know of a technology besides its translator.

    Attributes:
        command: that imports from it.
        standard: its table.
        bounding: the command by which an administrator gives a leaf other figures in some dimensions.
        narrowed: fields that make an object hold for a part of the leaf only.
    """

    command: str
    standard: Sequence[Standard]
    bounding: Callable[[str, Sequence[str]], str]
    narrowed: Callable[[Live], Sequence[Sequence[str]]]


_OPTIONS: Final = {CPU: "cores", MEMORY: "ram", STORAGE: "gigabytes"}
"""Of `openstack quota set`, where they are not called as the dimension is."""


def _bounding_a_project(name: str, dimensions: Sequence[str]) -> str:
    options = " ".join(f"--{_OPTIONS.get(each, each)} N" for each in dimensions)
    return f"openstack quota set {options} {name}"


_WAYS: Final[Mapping[str, _Way]] = {
    CLUSTERS: _Way(
        "yunjin import kubernetes NAMESPACE",
        kubernetes.STANDARD,
        lambda name, _: f"kubectl edit resourcequota --namespace {name}",
        compare.narrowed,
    ),
    CLOUDS: _Way(
        "yunjin import openstack --project NAME", openstack.STANDARD, _bounding_a_project, lambda _: ()
    ),
}
_NAME: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class Standing:
    """A leaf as it was found, and as it can be declared.

    Attributes:
        what: what people call it, a namespace or a project.
        allotted: the figures of its quota; none where it has no quota.
        objects: role of a standard object to the name it has instead of the usual one.
        lacking: roles of the standard objects that it goes without, as no Yunjin ever made them.
    """

    state: LeafState
    pool: Pool
    what: Text
    allotted: Amounts
    objects: Mapping[str, str]
    lacking: tuple[str, ...]

    @property
    def name(self) -> str:
        """Of the leaf."""
        return self.state.name

    @property
    def node(self) -> str:
        """Its id in the quota tree."""
        return leaf_node(self.pool.endpoint, self.name)


def require_technology(estate: Estate, pool: Pool, technology: str) -> None:
    """Raises UsageError where the pool lies on another technology; it names the command for that."""
    other = estate.endpoints[pool.endpoint].technology
    if other == technology:
        return
    holds, asked, command = word(f"leaf.{other}"), word(f"leaf.{technology}"), _WAYS[other].command
    raise UsageError(
        Text(
            f"资源池 {pool.id} 中是{holds.zh}, 不是{asked.zh}",
            f"pool {pool.id} holds {holds.en}s, not {asked.en}s",
        ),
        Text(f"改用 {command}", f"use `{command}`"),
    )


def find(backend: Backend, name: str, what: Text) -> LeafState:
    """The leaf as it stands; the endpoint is read once, up to it.

    Args:
        backend: connected so that it looks at the name, see `endpoints.connect`.
        name: of the leaf.
        what: what people call it there.

    Raises:
        UsageError: there is none of this name on the endpoint.
    """
    for state in backend.observe():
        if state.name == name:
            return state
    raise UsageError(
        Text(
            f"接入点 {backend.endpoint} 上没有{what.zh} {name}", f"{backend.endpoint} has no {what.en} {name}"
        ),
        Text("检查名称与 --pool", "check the name and --pool"),
    )


def look(estate: Estate, pool: Pool, state: LeafState) -> Standing:
    """What can be declared of it.

    Raises:
        UsageError: it is declared already, is going, or belongs to another endpoint; has a name that no leaf
            can have; has several quotas, of which only one could be followed, or one that bounds only a part
            of what runs there, or whose figures cannot be kept: without a bound, or no whole units.
    """
    technology = estate.endpoints[pool.endpoint].technology
    translator, way, what = translators()[technology], _WAYS[technology], word(f"leaf.{technology}")
    _require_free(estate, pool, state, translator, what)
    quota = _quota(state, translator, what)
    if quota:
        _require_whole(quota, way.narrowed(quota), what)
    allotted = translator.holding(quota).granted if quota else Amounts()
    _require_countable(state.name, technology, allotted)
    usual = next(entry.name for entry in way.standard if entry.object_class is ObjectClass.QUOTA)
    return Standing(
        state,
        pool,
        what,
        allotted,
        {"quota": quota.key.name} if quota and quota.key.name != usual else {},
        _lacking(state, translator, way.standard, has_quota=quota is not None),
    )


def require_unchanged(standing: Standing, declared: Estate, day: date) -> None:
    """Raises UsageError where a plan would change anything of the leaf, once it is declared so."""
    endpoint, what, name = standing.pool.endpoint, standing.what, standing.name
    technology = declared.endpoints[endpoint].technology
    part = EndpointPlan(declared, endpoint, translators()[technology])
    leaf = next(leaf for leaf in declared.leaves(day) if leaf.node == standing.node)
    part.leaf(replace(leaf, frozen=False), standing.state.objects)
    if part.changes:
        listed = ", ".join(f"{change.key.kind} {change.key.name}" for change in part.changes)
        raise UsageError(
            Text(
                f"{what.zh} {name} 曾由云锦管理, 与所填不符, 不能按现状登记: {listed}",
                f"the {what.en} {name} was Yunjin's and is not as given here: {listed}",
            ),
            Text(
                "核对用云单位、所属部门和资源池, 或恢复原申报文件",
                "check tenant, bureau and pool, or restore the files that declared it",
            ),
        )


def _require_free(estate: Estate, pool: Pool, state: LeafState, translator: Translator, what: Text) -> None:
    """What is declared already, or that another endpoint has, or that is going, cannot be declared here."""
    name, node = state.name, leaf_node(pool.endpoint, state.name)
    home = translator.home(pool.endpoint, name)
    marks = translator.claim(state.objects[home.kind, home.name])
    if any(row.node == node for row in estate.leaf_rows):
        raise UsageError(
            Text(f"{what.zh} {name} 已登记", f"the {what.en} {name} is declared already"),
            Text("无需再次纳管", "it need not be imported again"),
        )
    if marks.endpoint not in ("", pool.endpoint):
        raise UsageError(
            Text(
                f"{what.zh} {name} 属于接入点 {marks.endpoint}",
                f"the {what.en} {name} belongs to endpoint {marks.endpoint}",
            ),
            Text("选用该接入点的资源池", "choose a pool of that endpoint"),
        )
    if marks.ending:
        raise UsageError(
            Text(f"{what.zh} {name} 正在删除", f"the {what.en} {name} is being removed"),
            Text("待删除完成", "wait until it is gone"),
        )
    if not _NAME.fullmatch(name):
        raise UsageError(
            Text(f"{what.zh}名 {name} 不合规则", f"{name} is no name for a declared {what.en}"),
            Text(
                "先改名: 限小写字母、数字和居中的连字符, 不超过 63 个字符",
                "rename it first: small letters, digits and inner hyphens, 63 characters at most",
            ),
        )


def _quota(state: LeafState, translator: Translator, what: Text) -> Live | None:
    quotas = [
        live
        for _, live in sorted(state.objects.items())
        if translator.claim(live).object_class is ObjectClass.QUOTA
    ]
    if len(quotas) > 1:
        names, kind = ", ".join(live.key.name for live in quotas), quotas[0].key.kind
        raise UsageError(
            Text(
                f"{what.zh} {state.name} 有多个配额: {names}",
                f"the {what.en} {state.name} has several quotas: {names}",
            ),
            Text(f"请先合并为一个 {kind} 再纳管", f"merge them into one {kind} first"),
        )
    return quotas[0] if quotas else None


def _require_whole(quota: Live, narrowed: Sequence[Sequence[str]], what: Text) -> None:
    """A quota of some scopes leaves the rest without a bound, whatever its figures say."""
    if narrowed:
        name, fields = quota.key.namespace, ", ".join(".".join(path) for path in narrowed)
        raise UsageError(
            Text(
                f"{what.zh} {name} 的配额 {quota.key.name} 只约束其中一部分 ({fields}), 不能按现状登记",
                f"quota {quota.key.name} of the {what.en} {name} bounds only a part of it ({fields}), so it "
                "cannot be declared as it stands",
            ),
            Text(
                f"请先换成不含 {fields} 的 {quota.key.kind} 再纳管",
                f"put a {quota.key.kind} without {fields} in its place first",
            ),
        )


def _require_countable(name: str, technology: str, allotted: Amounts) -> None:
    """No bound at all is no figure that the ledger could hold; nor is a part of a unit."""
    bounding, what = _WAYS[technology].bounding, word(f"leaf.{technology}")
    unbounded = Amounts({each: value for each, value in allotted.items() if value >= MOST})
    if unbounded:
        said, command = _names(unbounded), bounding(name, tuple(unbounded))
        raise UsageError(
            Text(
                f"{what.zh} {name} 的{said.zh}没有上限, 不能按现状登记",
                f"the {what.en} {name} has no bound on {said.en}, so it cannot be declared as it stands",
            ),
            Text(f"先设定上限再纳管: {command}", f"bound it first: {command}"),
        )
    broken = unfit(technology, allotted)
    if broken:
        said, command = _figures(Amounts({each: allotted[each] for each in broken})), bounding(name, broken)
        raise UsageError(
            Text(
                f"{what.zh} {name} 的配额不是整核、整 GiB, 不能按现状登记: {said.zh}",
                f"the {what.en} {name} has no whole cores or GiB, so it cannot be declared as it stands: "
                f"{said.en}",
            ),
            Text(f"先改为整数再纳管: {command}", f"make it whole first: {command}"),
        )


def _names(amounts: Amounts) -> Text:
    called = [dimension_text(each) for each in amounts]
    return Text("、".join(each.zh for each in called), ", ".join(each.en for each in called))


def _figures(amounts: Amounts) -> Text:
    return Text(amounts_text(amounts, "zh"), amounts_text(amounts, "en"))


def _lacking(
    state: LeafState, translator: Translator, standard: Sequence[Standard], *, has_quota: bool
) -> tuple[str, ...]:
    """Roles in the order of writing; one that stands for several objects is lacking where any of them is."""
    roles: dict[str, bool] = {}
    for entry in standard:
        live = state.objects.get((entry.kind, entry.name.format(leaf=state.name)))
        kept = (
            entry.object_class is ObjectClass.NAMESPACE
            or (entry.object_class is ObjectClass.QUOTA and has_quota)
            or (live is not None and translator.claim(live).owned)
        )
        roles[entry.role] = roles.get(entry.role, True) and kept
    return tuple(role for role, kept in roles.items() if not kept)
