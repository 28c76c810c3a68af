"""Bodies of a leaf's nine standard objects and of the endpoint's own: the one form of everything in a cloud.

Called by `translate`; whoever observes or keeps objects brings them into this form. Calls `names`,
`quantities` and `rules`. Pure. A body is

    {"kind": KIND, "metadata": {...}, "spec": {...}, "status": {...}}

`spec` alone is compared, and compared whole: who observes puts exactly the fields shown below into it, in the
canonical form shown. Maps to `True` are sets whose members are told apart one by one.

What is wanted says in `metadata` its `name` and, in a leaf, its `namespace` (the leaf's name), and has no
status. What is observed says besides, so that one object alone tells whose it is:

    {"name": "yunjin", "namespace": "jtj-egov",
     "id": "5c1f...",          # the service's own; of a Quota or PoolBinding the project's
     "project_id": "9f2e...",  # of the leaf's project, on the project too; absent outside leaves
     "updated_at": "2026-11-20T01:02:03Z",  # of the last write of it or of anything that spec lists; absent
                                            # where the service does not tell (Keystone, Nova, Cinder)
     "owner": {"yunjin:tenant": "jtj", ...}}  # `names.marks` of the project's tags, the same on every object
                                              # of the leaf; empty where the project has none

Of the endpoint, with no `namespace`:

    {"kind": "Domain", "metadata": {"name": "yunjin"}, "spec": {"enabled": True}}
    {"kind": "SubnetPool", "metadata": {"name": "yunjin-egov"},
     "spec": {"prefixes": ["10.120.0.0/15"], "default_prefixlen": 24}}  # as `prefixes()` writes them

Of a leaf; the project itself has no `namespace` either:

    {"kind": "Project", "metadata": {"name": "jtj-egov"},
     "spec": {"enabled": True,
              "tags": {"yunjin:tenant": "jtj", "yunjin:bureau": "jtj", "yunjin:zone": "egov",
                       "yunjin:pool": "os-egov", "yunjin:endpoint": "os-egov"}}}  # as `names.marks()`
        # besides "yunjin:protected": "true", and while Yunjin removes the project "yunjin:ending": "true"
    {"kind": "Quota", "metadata": {"name": "yunjin", "namespace": "jtj-egov"},
     "spec": {"compute": {"cores": 4, "instances": 4, "ram": 8192},
              "network": {"network": 1, "subnet": 1, "router": 1, "security_group": 1,
                          "security_group_rule": 6, "rbac_policy": 0, "subnetpool": 0,
                          "port": 14, "floatingip": 0},
              "volume": {"volumes": 10, "snapshots": 10, "gigabytes": 100,
                         "backups": 0, "backup_gigabytes": 0}},  # observed, -1 is no bound
     "status": {"compute": {"cores": 2, "instances": 1, "ram": 4096},  # used and reserved, in the names of
                "network": {...}, "volume": {...}}}                    # spec; without a service not heard
    {"kind": "PoolBinding", "metadata": {"name": "yunjin", "namespace": "jtj-egov"},
     "spec": {"aggregate": "os-egov", "xc": False}}  # by name; of several in order, joined by commas, and xc
                                                     # where all bear its mark; where bound to none, no object
    {"kind": "Network", "metadata": {"name": "yunjin", "namespace": "jtj-egov"},
     "spec": {"admin_state_up": True, "shared": False}}
    {"kind": "SecurityGroup", "metadata": {"name": "default", "namespace": "jtj-egov"},
     "spec": {"rules": {"ingress any from own-group": True, "egress any to own-group": True,
                        "egress udp 53 to 10.120.0.0/15": True, "egress tcp 53 to 10.120.0.0/15": True,
                        "egress tcp 80 to 169.254.169.254/32": True,
                        "ingress tcp 8443 from 10.131.0.0/24": True}}}  # as `str(rules.observed())`
    {"kind": "Subnet", "metadata": {"name": "yunjin", "namespace": "jtj-egov"},
     "spec": {"network": "yunjin", "pool": "yunjin-egov",  # by name; pool "" where it was made without one
              "ip_version": 4, "enable_dhcp": True}}
    {"kind": "Router", "metadata": {"name": "yunjin", "namespace": "jtj-egov"},
     "spec": {"admin_state_up": True, "subnets": {"yunjin": True}}}  # names of those it has an interface in
    {"kind": "Group", "metadata": {"name": "jtj-egov-admin", "namespace": "jtj-egov"},
     "spec": {"roles": {"member": True}}}  # on the leaf's project; of jtj-egov-viewer `reader`

Other people's objects in a leaf have the same form under their own names; roles that a user has directly are
of kind `User`, with the spec of a Group. A name that is empty or borne by several of a kind in a leaf is
followed by the id: `web (5c1f...)`; of several that bear a standard name the eldest keeps it bare.
"""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network
from typing import TYPE_CHECKING, Final

from yunjin.model.centre import SUBNET_LENGTH
from yunjin.substrates.openstack import names, quantities
from yunjin.substrates.openstack.rules import ANY, OWN_GROUP, Rule

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from yunjin.model.centre import Flow
    from yunjin.model.resources import Body, Key
    from yunjin.model.tenancy import Leaf

_DNS: Final = 53
_METADATA: Final = Rule("egress", "IPv4", "tcp", 80, 80, "169.254.169.254/32")
"""A server asks its own cloud there, by a link-local address, for its name and its keys."""

_ROLES: Final = {f"role-{role}": name for role, name in names.ROLES.items()}


def body(key: Key, spec: Body) -> Body:
    """An object as it is wanted."""
    metadata = {"name": key.name, "namespace": key.namespace} if key.namespace else {"name": key.name}
    return {"kind": key.kind, "metadata": metadata, "spec": spec}


def domain() -> Body:
    """The domain of the whole centre."""
    return {"enabled": True}


def subnet_pool(cidrs: Iterable[str]) -> Body:
    """The addresses of a zone."""
    return {"prefixes": prefixes(cidrs), "default_prefixlen": SUBNET_LENGTH}


def prefixes(cidrs: Iterable[str]) -> list[str]:
    """Networks of a pool: neighbours merged, as Neutron does, and in ascending order, which it keeps not."""
    found = [ip_network(cidr, strict=False) for cidr in cidrs]
    old = collapse_addresses(network for network in found if isinstance(network, IPv4Network))
    new = collapse_addresses(network for network in found if isinstance(network, IPv6Network))
    return [str(network) for network in (*old, *new)]


def lost(before: Sequence[str], after: Sequence[str]) -> list[str]:
    """Networks of a pool as it was that are not in it as it shall be; Neutron takes none out of one."""
    return [network for network in before if prefixes((*after, network)) != prefixes(after)]


def owner(leaf: Leaf) -> dict[str, str]:
    """The marks that a leaf's project carries."""
    marks = {
        names.TENANT: leaf.tenant,
        names.BUREAU: leaf.bureau,
        names.ZONE: leaf.zone,
        names.POOL: leaf.pool,
        names.ENDPOINT: leaf.endpoint,
    }
    if leaf.protected:
        # Kept in the cloud, so that it still holds when the declaration is gone.
        marks[names.PROTECTED] = names.YES
    return marks


def specs(leaf: Leaf, rules: dict[str, bool]) -> dict[str, Body]:
    """What the objects of a leaf shall be, by kind, but for its groups; `rules` of its security group."""
    network = leaf.renamed.get(names.NETWORK_ROLE, names.NETWORK)
    return {
        "Project": {"enabled": True, "tags": owner(leaf)},
        "Quota": dict(quantities.figures(leaf.allotted, len(rules))),
        "PoolBinding": {"aggregate": leaf.pool, "xc": leaf.xc},
        "Network": {"admin_state_up": True, "shared": False},
        "SecurityGroup": {"rules": rules},
        "Subnet": {
            "network": network,
            "pool": names.subnet_pool(leaf.zone),
            "ip_version": 4,
            "enable_dhcp": True,
        },
        "Router": {"admin_state_up": True, "subnets": {network: True}},
    }


def roles(role: str) -> Body:
    """What the group behind `role-admin` or `role-viewer` may do in the leaf's project."""
    return {"roles": {_ROLES[role]: True}}


def rules(zone: str, flows: Iterable[Flow], cidrs: Mapping[str, Iterable[str]]) -> dict[str, bool]:
    """What passes: within the group, to the zone's own name servers, and the approved ways of the zone.

    A way to or from a zone without addresses is left out: a rule without a remote lets everybody through.
    """
    every = {zone: prefixes(found) for zone, found in cidrs.items()}
    return {str(rule): True for rule in (*_base(every.get(zone, ())), *_approved(zone, flows, every))}


def _base(own: Iterable[str]) -> Iterator[Rule]:
    for direction in ("ingress", "egress"):
        yield Rule(direction, "IPv4", ANY, None, None, OWN_GROUP)
    for cidr in own:
        for protocol in ("udp", "tcp"):
            yield Rule("egress", "IPv4", protocol, _DNS, _DNS, cidr)
    yield _METADATA


def _approved(zone: str, flows: Iterable[Flow], cidrs: Mapping[str, Iterable[str]]) -> Iterator[Rule]:
    for flow in flows:
        for direction, own, other in (
            ("ingress", flow.target, flow.origin),
            ("egress", flow.origin, flow.target),
        ):
            if own == zone:
                for cidr in cidrs.get(other, ()):
                    yield Rule(direction, "IPv4", flow.protocol.lower(), flow.port, flow.port, cidr)
