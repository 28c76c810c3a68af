"""One text for one rule of a security group, there and back, and as Neutron puts it."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yunjin.substrates.openstack import rules
from yunjin.substrates.openstack.rules import Rule

OWN, OTHER = "0a5c7c7e-8f60-4f0e-9a36-70b1d5c2f001", "0a5c7c7e-8f60-4f0e-9a36-70b1d5c2f002"
port = st.integers(0, 65535)


@st.composite
def canonical(draw: st.DrawFn) -> Rule:
    ethertype = draw(st.sampled_from(("IPv4", "IPv6")))
    icmp = "icmp" if ethertype == "IPv4" else "ipv6-icmp"
    protocol = draw(st.sampled_from(("any", "tcp", "udp", "sctp", "vrrp", "200", icmp)))
    ends: st.SearchStrategy[int | None] = st.none()
    if protocol == icmp:
        ends = st.none() | st.integers(0, 255)
    elif protocol in ("tcp", "udp", "sctp"):
        ends = st.none() | port
    version = IPv4Network if ethertype == "IPv4" else IPv6Network
    width = 32 if ethertype == "IPv4" else 128
    length = draw(st.integers(1, width))
    network = version((draw(st.integers(0, 2**width - 1)), length), strict=False)
    remote = draw(
        st.sampled_from(("any", "own-group", f"group {OTHER}", f"address-group {OTHER}", str(network)))
    )
    direction = draw(st.sampled_from(("ingress", "egress")))
    return Rule(direction, ethertype, protocol, draw(ends), draw(ends), remote)


@given(canonical())
def test_a_text_parses_back_to_its_rule(rule: Rule) -> None:
    assert rules.parse(str(rule)) == rule


@given(canonical())
def test_neutron_answers_the_rule_that_it_was_given(rule: Rule) -> None:
    assert rules.observed(rules.fields(rule, OWN), OWN) == rule


@given(canonical(), canonical())
def test_two_rules_have_two_texts(one: Rule, other: Rule) -> None:
    assert (str(one) == str(other)) == (one == other)


def _neutron(**fields: Any) -> dict[str, Any]:
    return {
        "direction": "ingress",
        "ethertype": "IPv4",
        "protocol": None,
        "port_range_min": None,
        "port_range_max": None,
        "remote_ip_prefix": None,
        "remote_group_id": None,
        "remote_address_group_id": None,
        "security_group_id": OWN,
        "description": "of no account",
        "belongs_to_default_sg": True,
        **fields,
    }


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({}, "ingress any from any"),
        ({"remote_group_id": OWN}, "ingress any from own-group"),
        ({"remote_group_id": OTHER}, f"ingress any from group {OTHER}"),
        ({"direction": "egress", "ethertype": "IPv6"}, "egress ipv6 any to any"),
        (
            {
                "protocol": "tcp",
                "port_range_min": 443,
                "port_range_max": 443,
                "remote_ip_prefix": "10.131.0.0/24",
            },
            "ingress tcp 443 from 10.131.0.0/24",
        ),
        ({"protocol": "udp", "port_range_min": 1, "port_range_max": 65535}, "ingress udp 1-65535 from any"),
        ({"protocol": "tcp"}, "ingress tcp from any"),
        ({"protocol": "icmp", "port_range_min": 8}, "ingress icmp 8 from any"),
        ({"protocol": "icmp", "port_range_min": 8, "port_range_max": 8}, "ingress icmp 8/8 from any"),
        ({"protocol": "icmp", "port_range_min": 0, "port_range_max": 0}, "ingress icmp 0/0 from any"),
        ({"remote_address_group_id": OTHER}, f"ingress any from address-group {OTHER}"),
    ],
)
def test_texts(fields: dict[str, Any], text: str) -> None:
    assert str(rules.observed(_neutron(**fields), OWN)) == text


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"protocol": "6"}, {"protocol": "tcp"}),
        ({"protocol": "TCP"}, {"protocol": "tcp"}),
        ({"protocol": 17}, {"protocol": "udp"}),
        ({"protocol": "any"}, {"protocol": None}),
        ({"remote_ip_prefix": "0.0.0.0/0"}, {}),
        ({"remote_ip_prefix": "10.1.2.3/8"}, {"remote_ip_prefix": "10.0.0.0/8"}),
        ({"remote_ip_prefix": "10.1.2.3"}, {"remote_ip_prefix": "10.1.2.3/32"}),
        ({"ethertype": "IPv6", "remote_ip_prefix": "::/0"}, {"ethertype": "IPv6"}),
        ({"ethertype": "IPv6", "protocol": "icmp"}, {"ethertype": "IPv6", "protocol": "58"}),
        ({"ethertype": "IPv6", "protocol": "icmpv6"}, {"ethertype": "IPv6", "protocol": "ipv6-icmp"}),
        ({"ethertype": "ipv6", "protocol": "1"}, {"ethertype": "IPv6", "protocol": "ipv6-icmp"}),
    ],
)
def test_what_neutron_takes_for_the_same_has_one_text(one: dict[str, Any], other: dict[str, Any]) -> None:
    first, second = (rules.observed(_neutron(**fields), OWN) for fields in (one, other))
    assert first == second


def test_everybody_of_the_other_family_is_not_everybody() -> None:
    """Neutron refuses it; what it would answer all the same is told from `any`."""
    rule = rules.observed(_neutron(ethertype="IPv6", remote_ip_prefix="0.0.0.0/0"), OWN)
    assert str(rule) == "ingress ipv6 any from 0.0.0.0/0"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ingress",
        "ingress any to any",
        "egress any from any",
        "inbound any from any",
        "ingress tcp 443 from",
        "ingress tcp https from any",
        "ingress tcp 8/0 from any",
        "ingress icmp 8-0 from any",
        "ingress tcp 443 from 10.0.0.0",
        "ingress tcp 443 from nobody",
        "ingress tcp 443 from group",
        "ingress any from any ",
        "ingress any from any\n",
    ],
)
def test_what_is_no_rule_is_said_to_be_none(text: str) -> None:
    with pytest.raises(ValueError, match="is not a rule"):
        rules.parse(text)
