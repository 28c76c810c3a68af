"""What the services answer, in the one form of `standard`.

Called by `observe` and `apply`. Calls `names`, `quantities`, `rules`, `standard`. Pure. Promises a body for
any object that a service may answer with: a field that is missing becomes the value that says so, never an
error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from yunjin.model.amounts import Amounts
from yunjin.model.resources import Key, Live
from yunjin.substrates.openstack import names, quantities, rules, standard

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from yunjin.model.resources import Body

Raw = dict[str, Any]
"""An object as its service answers."""

FIGURES: Final = {service: tuple(found) for service, found in quantities.figures(Amounts(), 0).items()}
"""By service, the names of the figures that a quota holds."""
_OF_CREDENTIALS: Final = tuple({role} for role in names.ROLES.values())
INTERFACES: Final = (
    "network:router_interface",
    "network:router_interface_distributed",
    "network:ha_router_replicated_interface",
)
"""What Neutron calls the ports by which a router lies in a subnet."""


class Leaf:
    """A project and whose it is: the part that every object of it has in common."""

    def __init__(self, endpoint: str, project: Raw) -> None:
        self.endpoint = endpoint
        self.id: str = project["id"]
        self.name: str = str(project.get("name") or "")
        self.owner = names.marks(str(tag) for tag in project.get("tags") or ())
        self._project = project

    def project(self) -> Live:
        """The project itself."""
        key = names.home(self.endpoint, self.name)
        spec = {"enabled": bool(self._project.get("enabled", True)), "tags": dict(self.owner)}
        return Live(key, self._body(key, self._project, spec), "")

    def live(self, kind: str, name: str, raw: Raw, spec: Body) -> Live:
        """An object of the leaf."""
        key = Key(self.endpoint, self.name, kind, name)
        return Live(key, self._body(key, raw, spec), str(raw.get("revision_number") or ""))

    def _body(self, key: Key, raw: Raw, spec: Body) -> Body:
        metadata = {"name": key.name, "id": raw["id"], "project_id": self.id, "owner": dict(self.owner)}
        if key.namespace:
            metadata["namespace"] = key.namespace
        if raw.get("updated_at"):
            metadata["updated_at"] = str(raw["updated_at"])
        return {"kind": key.kind, "metadata": metadata, "spec": spec}


def domain(endpoint: str, raw: Raw) -> Live:
    """The domain of the whole centre."""
    return _shared(endpoint, "Domain", raw, {"enabled": bool(raw.get("enabled", True))})


def subnet_pool(endpoint: str, raw: Raw) -> Live:
    """The addresses of a zone."""
    prefixes = standard.prefixes(str(prefix) for prefix in raw.get("prefixes") or ())
    length = str(raw.get("default_prefixlen"))  # a text in Neutron's answers
    spec = {"prefixes": prefixes, "default_prefixlen": int(length) if length.isdigit() else None}
    return _shared(endpoint, "SubnetPool", raw, spec)


def quota(leaf: Leaf, answers: Mapping[str, Mapping[str, Any]]) -> Live:
    """What three services grant, and what is used of it; see `figures` for an answer."""
    live = leaf.live("Quota", "yunjin", {"id": leaf.id}, {})
    live.body["spec"] = {service: granted(service, answer) for service, answer in answers.items()}
    live.body["status"] = {service: used(service, answer) for service, answer in answers.items()}
    return live


def granted(service: str, answer: Mapping[str, Any]) -> dict[str, int]:
    """The figures of one service's quota."""
    return {name: int(answer[name]["limit"]) for name in FIGURES[service] if _counted(answer.get(name))}


def used(service: str, answer: Mapping[str, Any]) -> dict[str, int]:
    """What is used and reserved of them."""
    return {
        name: sum(int(answer[name].get(part) or 0) for part in ("in_use", "used", "reserved"))
        for name in FIGURES[service]
        if _counted(answer.get(name))
    }


def binding(leaf: Leaf, aggregates: Iterable[Raw]) -> Live | None:
    """The hosts that the project is bound to; None where it is bound to none."""
    bound = [each for each in aggregates if binds(each, leaf.id)]
    if not bound:
        return None
    spec = {
        "aggregate": ",".join(sorted(str(each.get("name") or "") for each in bound)),
        "xc": all(is_xc(each) for each in bound),
    }
    return leaf.live("PoolBinding", "yunjin", {"id": leaf.id}, spec)


def is_xc(aggregate: Raw) -> bool:
    """Whether an aggregate is marked as domestic hardware."""
    return (aggregate.get("metadata") or {}).get(names.XC) == names.YES


def binds(aggregate: Raw, project: str) -> bool:
    """Whether an aggregate's metadata gives its hosts to a project."""
    return bool(binding_names(aggregate, project))


def binding_names(aggregate: Raw, project: str) -> list[str]:
    """The entries of an aggregate's metadata that do: Nova takes any whose name begins as ours do."""
    prefix = names.BINDING_PREFIX.rstrip("_")
    metadata = aggregate.get("metadata") or {}
    return sorted(name for name, value in metadata.items() if name.startswith(prefix) and value == project)


def networks(leaf: Leaf, found: Sequence[Raw]) -> Iterator[Live]:
    """The networks of a leaf."""
    for name, raw in named(leaf, "Network", found):
        spec = {"admin_state_up": bool(raw.get("admin_state_up")), "shared": bool(raw.get("shared"))}
        yield leaf.live("Network", name, raw, spec)


def subnets(
    leaf: Leaf, found: Sequence[Raw], network_names: Mapping[str, str], pool_names: Mapping[str, str]
) -> Iterator[Live]:
    """The subnets of a leaf; what lies in networks and pools of others shows their ids."""
    for name, raw in named(leaf, "Subnet", found):
        pool, network = str(raw.get("subnetpool_id") or ""), str(raw.get("network_id") or "")
        spec = {
            "network": network_names.get(network, network),
            "pool": pool_names.get(pool, pool),
            "ip_version": raw.get("ip_version"),
            "enable_dhcp": bool(raw.get("enable_dhcp")),
        }
        yield leaf.live("Subnet", name, raw, spec)


def routers(
    leaf: Leaf, found: Sequence[Raw], ports: Iterable[Raw], subnet_names: Mapping[str, str]
) -> Iterator[Live]:
    """The routers of a leaf with the subnets they lie in."""
    interfaces: dict[str, list[Raw]] = {}
    for port in ports:
        interfaces.setdefault(str(port.get("device_id") or ""), []).append(port)
    for name, raw in named(leaf, "Router", found):
        own = interfaces.get(raw["id"], [])
        joined = {subnet_names.get(subnet, subnet): True for port in own for subnet in subnets_of(port)}
        spec = {"admin_state_up": bool(raw.get("admin_state_up")), "subnets": dict(sorted(joined.items()))}
        yield leaf.live("Router", name, _dated(raw, own), spec)


def subnets_of(port: Raw) -> list[str]:
    """Ids of the subnets that a port has addresses of."""
    return [str(address["subnet_id"]) for address in port.get("fixed_ips") or () if address.get("subnet_id")]


def security_groups(leaf: Leaf, found: Sequence[Raw]) -> Iterator[Live]:
    """The security groups of a leaf with their rules."""
    for name, raw in named(leaf, "SecurityGroup", found):
        own = [rule for rule in raw.get("security_group_rules") or () if rule.get("direction")]
        texts = sorted(str(rules.observed(rule, raw["id"])) for rule in own)
        yield leaf.live("SecurityGroup", name, _dated(raw, own), {"rules": dict.fromkeys(texts, True)})


def rights(
    leaf: Leaf,
    holders: Mapping[str, str],
    strangers: Mapping[str, str],
    assignments: Iterable[Raw],
    role_names: Mapping[str, str],
) -> Iterator[Live]:
    """Who has which roles on the project: the leaf's groups, other groups and users.

    A group without a role on it is none of the leaf's objects, so that one made half way is made again. A
    user behind a credential of Yunjin's is none either, as long as it has the one role it was made with.
    All but the domain's groups bear their id behind their name: other domains have the same names.

    Args:
        leaf: whose.
        holders: groups of the domain and users behind credentials, id to name.
        strangers: everybody else, as far as Keystone tells their names.
        assignments: those of the project.
        role_names: id to name.
    """
    roles: dict[tuple[str, str], set[str]] = {}
    for row in assignments:
        role = str((row.get("role") or {}).get("id") or "")
        for kind in ("Group", "User"):
            holder = (row.get(kind.lower()) or {}).get("id")
            if holder:
                roles.setdefault((kind, str(holder)), set()).add(role_names.get(role, role))
    for (kind, holder), held in sorted(roles.items()):
        name = holders.get(holder, "")
        if kind == "User" and names.is_credential_user(name, leaf.name) and held in _OF_CREDENTIALS:
            continue
        if kind == "User" or not name:
            name = f"{name or strangers.get(holder, '')} ({holder})".strip()
        spec = {"roles": dict.fromkeys(sorted(held), True)}
        yield leaf.live(kind, name, {"id": holder}, spec)


def named(leaf: Leaf, kind: str, found: Sequence[Raw]) -> list[tuple[str, Raw]]:
    """Objects with names that are unique within kind and leaf."""
    eldest = sorted(found, key=lambda raw: (str(raw.get("created_at") or ""), raw["id"]))
    by_name: dict[str, list[Raw]] = {}
    for raw in eldest:
        by_name.setdefault(str(raw.get("name") or ""), []).append(raw)
    chosen = []
    for name, bearers in by_name.items():
        standard = names.is_standard(Key(leaf.endpoint, leaf.name, kind, name))
        bare = bearers[:1] if name and (standard or len(bearers) == 1) else []
        chosen += [(name, raw) for raw in bare]
        chosen += [(f"{name} ({raw['id']})".strip(), raw) for raw in bearers[len(bare) :]]
    return chosen


def _shared(endpoint: str, kind: str, raw: Raw, spec: Body) -> Live:
    name = str(raw.get("name") or "")
    metadata = {"name": name, "id": raw["id"], "owner": {}}
    if raw.get("updated_at"):
        metadata["updated_at"] = str(raw["updated_at"])
    body = {"kind": kind, "metadata": metadata, "spec": spec}
    return Live(Key(endpoint, "", kind, name), body, str(raw.get("revision_number") or ""))


def _dated(raw: Raw, parts: Iterable[Raw]) -> Raw:
    """The object with the time of the last write to it or to one of its parts."""
    times = [str(each["updated_at"]) for each in (raw, *parts) if each.get("updated_at")]
    return {**raw, "updated_at": max(times)} if times else raw


def _counted(figure: Any) -> bool:
    return isinstance(figure, dict) and type(figure.get("limit")) is int
