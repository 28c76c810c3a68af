"""Rules of security groups: one text for one rule, and the way to and from Neutron's fields.

Called by `standard` (what is wanted) and by whoever reads or writes rules. Calls nothing. Promises that two
rules have one text exactly when they let the same through as Neutron means it, and that a text parses back to
its rule.

    DIRECTION [ipv6] PROTOCOL [PORTS] from|to REMOTE

- DIRECTION: `ingress` (then `from`) or `egress` (then `to`);
- PROTOCOL: `any`, a name such as `tcp`, or a number that has none;
- PORTS: `443` or `8000-8100`, left out for all of them; of ICMP type and code: `8` or `8/0`;
- REMOTE: `any`, a network, `own-group`, `group ID` or `address-group ID`.

    ingress tcp 443 from 10.131.0.0/24
    egress any to own-group
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

ANY: Final = "any"
OWN_GROUP: Final = "own-group"
_SIDE: Final = {"ingress": "from", "egress": "to"}
_EVERYBODY: Final = {"IPv4": "0.0.0.0/0", "IPv6": "::/0"}
# Neutron takes numbers and names alike and answers with whatever was given.
_NAME_OF: Final = {
    "0": "ip",
    "hopopt": "ip",
    "1": "icmp",
    "2": "igmp",
    "4": "ipip",
    "6": "tcp",
    "8": "egp",
    "17": "udp",
    "33": "dccp",
    "41": "ipv6-encap",
    "43": "ipv6-route",
    "44": "ipv6-frag",
    "46": "rsvp",
    "47": "gre",
    "50": "esp",
    "51": "ah",
    "58": "ipv6-icmp",
    "59": "ipv6-nonxt",
    "60": "ipv6-opts",
    "89": "ospf",
    "112": "vrrp",
    "113": "pgm",
    "132": "sctp",
    "136": "udplite",
    "icmpv6": "ipv6-icmp",
}
# Neutron takes the names of IPv4 for IPv6 too.
_IPV6_NAME_OF: Final = {"icmp": "ipv6-icmp"}
_ICMP: Final = frozenset({"icmp", "ipv6-icmp"})
_TEXT: Final = re.compile(
    r"(ingress|egress) (ipv6 )?(\S+) (?:(?=[\d/-])(\d*)(?:([/-])(\d*))? )?(from|to) "
    r"(any|own-group|(?:address-)?group \S+|[0-9a-fA-F:.]+/\d+)",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Rule:
    """What one rule lets through, in canonical form.

    Attributes:
        direction: `ingress` or `egress`.
        ethertype: `IPv4` or `IPv6`.
        protocol: `any`, a name, or a number that has none.
        low: first port, or ICMP type; None for all.
        high: last port, or ICMP code; None for all.
        remote: `any`, a network, `own-group`, `group ID` or `address-group ID`.
    """

    direction: str
    ethertype: str
    protocol: str
    low: int | None
    high: int | None
    remote: str

    def __str__(self) -> str:
        """Its text."""
        parts = [self.direction]
        if self.ethertype == "IPv6":
            parts.append("ipv6")
        parts.append(self.protocol)
        ports = self._ports()
        if ports:
            parts.append(ports)
        return " ".join((*parts, _SIDE[self.direction], self.remote))

    def _ports(self) -> str:
        low, high = ("" if number is None else str(number) for number in (self.low, self.high))
        if self.protocol in _ICMP:
            return f"{low}/{high}" if high else low
        return low if low == high else f"{low}-{high}"


def parse(text: str) -> Rule:
    """The rule behind a text.

    Raises:
        ValueError: no rule.
    """
    match = _TEXT.fullmatch(text)
    if match is None:
        raise ValueError(f"{text[:120]!r} is not a rule")
    direction, ipv6, protocol, low, mark, high, side, remote = match.groups()
    icmp = protocol in _ICMP
    if side != _SIDE[direction] or (mark is not None and icmp != (mark == "/")):
        raise ValueError(f"{text[:120]!r} is not a rule")
    if mark is None and not icmp:
        high = low
    return Rule(
        direction,
        "IPv6" if ipv6 else "IPv4",
        protocol,
        int(low) if low else None,
        int(high) if high else None,
        remote,
    )


def observed(fields: Mapping[str, Any], own_group: str) -> Rule:
    """The rule behind Neutron's fields; `own_group` is the id of the group it belongs to."""
    ethertype = "IPv6" if str(fields.get("ethertype")).lower() == "ipv6" else "IPv4"
    protocol = str(fields.get("protocol") or ANY).lower()
    protocol = _NAME_OF.get(protocol, protocol)
    if ethertype == "IPv6":
        protocol = _IPV6_NAME_OF.get(protocol, protocol)
    return Rule(
        str(fields["direction"]),
        ethertype,
        protocol,
        fields.get("port_range_min"),
        fields.get("port_range_max"),
        _remote(fields, ethertype, own_group),
    )


def fields(rule: Rule, own_group: str) -> dict[str, Any]:
    """Neutron's fields of a rule; `own_group` is the id of the group it shall belong to."""
    kind, _, named = rule.remote.partition(" ")
    found: dict[str, Any] = {
        "security_group_id": own_group,
        "direction": rule.direction,
        "ethertype": rule.ethertype,
        "protocol": None if rule.protocol == ANY else rule.protocol,
        "port_range_min": rule.low,
        "port_range_max": rule.high,
    }
    if kind == OWN_GROUP:
        found["remote_group_id"] = own_group
    elif named:
        found["remote_group_id" if kind == "group" else "remote_address_group_id"] = named
    elif kind != ANY:
        found["remote_ip_prefix"] = kind
    return found


def _network(cidr: str) -> str:
    """A network without host bits, which Neutron keeps as they were given."""
    return str(ip_network(cidr, strict=False))


def _remote(fields: Mapping[str, Any], ethertype: str, own_group: str) -> str:
    group = fields.get("remote_group_id")
    if group:
        return OWN_GROUP if group == own_group else f"group {group}"
    if addresses := fields.get("remote_address_group_id"):
        return f"address-group {addresses}"
    prefix = fields.get("remote_ip_prefix")
    cidr = _network(str(prefix)) if prefix else _EVERYBODY[ethertype]
    return ANY if cidr == _EVERYBODY[ethertype] else cidr
