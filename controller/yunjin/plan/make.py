"""What must be done so that the substrates hold what is declared.

Called by `yunjin.engine`. Calls the estate and the translators. Pure, but for taking the observed states from
their iterators, once. Promises the same plan for the same estate and the same objects, whatever their order
in a leaf, and that an endpoint which could not be read to its end has no part in it.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import chain, groupby
from operator import attrgetter
from typing import TYPE_CHECKING

from yunjin.errors import PermanentError, Text, YunjinError
from yunjin.model.change import Failure, Plan
from yunjin.observe import Observation, Unknown
from yunjin.plan.endpoint import EndpointPlan

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import date

    from yunjin.model.change import Binding, Change
    from yunjin.model.estate import Estate
    from yunjin.model.resources import LeafState
    from yunjin.model.tenancy import Leaf, Share
    from yunjin.observe import Observations
    from yunjin.substrates.contract import Translator


def make_plan(
    estate: Estate,
    as_of: date,
    observations: Observations,
    translators: Mapping[str, Translator],
    bindings: Mapping[str, Binding],
    shares: Mapping[str, Share] | None = None,
) -> Plan:
    """The plan for every endpoint in `bindings`.

    Args:
        estate: what is declared.
        as_of: the business date.
        observations: by endpoint; one that is missing or unknown gets no changes. The states are used up.
        translators: by endpoint.
        bindings: by endpoint, how it is reached; their `observed_at` and `failure` are replaced.
        shares: what the ledger says each leaf shall hold; None before the baseline has entered it.
    """
    declared = groupby(estate.leaves(as_of, shares), attrgetter("endpoint"))
    leaves = {endpoint: tuple(found) for endpoint, found in declared}
    parts: list[EndpointPlan] = []
    bound: dict[str, Binding] = {}
    for endpoint, binding in sorted(bindings.items()):
        observation = observations.get(endpoint)
        part = EndpointPlan(estate, endpoint, translators[endpoint])
        failure = _read_into(part, leaves.get(endpoint, ()), observation)
        if isinstance(observation, Observation) and failure is None:
            parts.append(part)
            bound[endpoint] = replace(binding, observed_at=observation.taken_at, failure=None)
        else:
            bound[endpoint] = replace(binding, observed_at=None, failure=failure)
    return _plan(estate, as_of, parts, bound)


def make_leaf_plan(
    estate: Estate,
    as_of: date,
    leaf: Leaf,
    observation: Observation,
    translator: Translator,
    binding: Binding,
) -> Plan:
    """The plan for one declared leaf alone.

    Args:
        estate: what is declared.
        as_of: the business date.
        leaf: the leaf.
        observation: of its endpoint, with at most one state: the leaf's. The wanted objects are enough; what
            should not be there is the full sweep's to find.
        translator: of its endpoint.
        binding: of its endpoint.

    Raises:
        YunjinError: whatever ended the observation.
    """
    part = EndpointPlan(estate, leaf.endpoint, translator)
    state = next(observation.states, None)
    part.leaf(leaf, state.objects if state else {})
    return _plan(estate, as_of, [part], {leaf.endpoint: replace(binding, observed_at=observation.taken_at)})


def _plan(estate: Estate, as_of: date, parts: Sequence[EndpointPlan], bound: Mapping[str, Binding]) -> Plan:
    return Plan(
        as_of=as_of,
        estate=estate.digest,
        changes=tuple(sorted((change for part in parts for change in part.changes), key=_order)),
        bindings=bound,
        unchanged=sum(part.unchanged for part in parts),
        leaves=sum(part.leaves for part in parts),
        held=tuple(
            sorted((held for part in parts for held in part.held), key=attrgetter("endpoint", "leaf"))
        ),
        extras=tuple(sorted((extra for part in parts for extra in part.extras), key=attrgetter("key"))),
    )


def _order(change: Change) -> tuple[int, object]:
    return (change.rank, change.key)


def _read_into(
    part: EndpointPlan, leaves: Sequence[Leaf], observation: Observation | Unknown | None
) -> Failure | None:
    """Compare all of an endpoint; the failure that ended it early, if one did."""
    if observation is None:
        return None
    if isinstance(observation, Unknown):
        return _failure(observation.error)
    try:
        for name, leaf, state in _side_by_side(leaves, observation):
            objects = state.objects if state else {}
            if not name:
                part.shared(objects)
            elif leaf:
                part.leaf(leaf, objects)
            else:
                part.departed(name, objects)
    except YunjinError as error:
        return _failure(error)
    return None


def _side_by_side(
    leaves: Sequence[Leaf], observation: Observation
) -> Iterator[tuple[str, Leaf | None, LeafState | None]]:
    """Each name declared or observed, in ascending order, with both sides of it; the endpoint's own first."""
    declared: Iterator[tuple[str, Leaf | None]] = chain([("", None)], ((leaf.name, leaf) for leaf in leaves))
    ahead = next(declared, None)
    previous: str | None = None
    for state in observation.states:
        if previous is not None and state.name <= previous:
            raise _disorder(observation.endpoint, state.name)
        previous = state.name
        while ahead is not None and ahead[0] < state.name:
            yield (*ahead, None)
            ahead = next(declared, None)
        if ahead is not None and ahead[0] == state.name:
            yield (*ahead, state)
            ahead = next(declared, None)
        else:
            yield state.name, None, state
    while ahead is not None:
        yield (*ahead, None)
        ahead = next(declared, None)


def _failure(error: YunjinError) -> Failure:
    return Failure(error.code, error.message, error.remedy)


def _disorder(endpoint: str, name: str) -> PermanentError:
    """Two sorted streams are compared; without order a namespace could seem to be gone."""
    return PermanentError(
        Text(
            f"接入点 {endpoint} 的应答次序有误: {name}",
            f"endpoint {endpoint} answers out of order at {name}",
        ),
        Text("将此情况报告给云锦的维护者", "report this to the maintainers of Yunjin"),
    )
