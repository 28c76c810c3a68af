"""Two clients that provision leaves of a cloud as others would: a bare loop over the SDK, and `openstack`.

Used by benchmarks/cloud.py beside Yunjin. Both make the objects that a translator wants, so that a plan finds
nothing to change afterwards, and keep nothing: no journal, no ledger, no look at what is there already. The
loop sends what has to be sent and no more, through the SDK's own connection, below its resources, which would
take more of its processor; it works on as many leaves at a time as it has threads, and reads each quota back.
"""

from __future__ import annotations

import json
import os
import subprocess
import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

from keystoneauth1.session import TCPKeepAliveAdapter
from openstack.config.loader import OpenStackConfig
from openstack.connection import Connection

from cloud_calls import Calls
from devcloud import ensure_built
from yunjin.substrates.openstack import forms, names, rules
from yunjin.substrates.openstack.translate import OpenStackTranslator

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from openstack.proxy import Proxy

    from devcloud import DevCloud
    from yunjin.model.resources import Body, Wanted
    from yunjin.model.tenancy import Leaf

_QUOTAS: Final = {
    "compute": ("/os-quota-sets/{}", "quota_set", "/os-quota-sets/{}/detail"),
    "network": ("/quotas/{}", "quota", "/quotas/{}/details.json"),
    "volume": ("/os-quota-sets/{}", "quota_set", "/os-quota-sets/{}?usage=True"),
}
_OPTIONS: Final = {
    "network": "networks",
    "subnet": "subnets",
    "router": "routers",
    "port": "ports",
    "floatingip": "floating-ips",
    "security_group": "secgroups",
    "security_group_rule": "secgroup-rules",
    "rbac_policy": "rbac-policies",
    "subnetpool": "subnetpools",
    "backup_gigabytes": "backup-gigabytes",
}
"""How `openstack quota set` calls figures, where it has names of its own for them."""


class BareLoop:
    """Threads over the SDK.

    Attributes:
        calls: what it has sent.
    """

    def __init__(self, cloud: DevCloud, threads: int) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the SDK about itself
            config = OpenStackConfig(
                config_files=[str(cloud.clouds_yaml)], secure_files=[], vendor_files=[], load_envvars=False
            )
            self._sdk = Connection(config=config.get_one(cloud=cloud.name))
        self._sdk.session.session.mount("http://", TCPKeepAliveAdapter(pool_maxsize=threads))
        self._threads = threads
        self._services: dict[str, Proxy] = {}
        self._known: dict[str, str] = {}
        self.calls = Calls(cloud)
        self.calls.watch(self._sdk.session)

    def provision(self, shared: Sequence[Wanted], leaves: Sequence[Leaf]) -> None:
        """Make the endpoint's own objects, then all leaves.

        Raises:
            RuntimeError: a service refused something.
        """
        self._services = {
            "identity": self._sdk.identity,
            "compute": self._sdk.compute,
            "network": self._sdk.network,
            "volume": self._sdk.block_storage,
        }
        for wanted in shared:
            name, spec = wanted.key.name, wanted.body["spec"]
            if wanted.key.kind == "Domain":
                self._know("POST", "identity", "/domains", "domain", {"name": name, **spec})
            else:
                self._know("POST", "network", "/subnetpools", "subnetpool", {"name": name, **spec})
        for role in self._do("GET", "identity", "/roles")["roles"]:
            self._known[role["name"]] = role["id"]
        for aggregate in self._do("GET", "compute", "/os-aggregates")["aggregates"]:
            self._known[aggregate["name"]] = str(aggregate["id"])
        with ThreadPoolExecutor(self._threads) as pool:
            list(pool.map(self._leaf, leaves))

    def close(self) -> None:
        """End its connections."""
        self._sdk.close()

    def _leaf(self, leaf: Leaf) -> None:
        specs = specs_of(leaf)
        project = self._make(
            "identity",
            "project",
            {
                "name": leaf.name,
                "domain_id": self._known[names.DOMAIN],
                "enabled": True,
                "tags": names.tags(specs["Project"]["tags"]),
            },
        )
        for service, (path, title, _) in _QUOTAS.items():
            self._do("PUT", service, path.format(project), {title: specs["Quota"][service]})
        binding = {"set_metadata": {"metadata": {f"{names.BINDING_PREFIX}{project}": project}}}
        aggregate = self._known[specs["PoolBinding"]["aggregate"]]
        self._do("POST", "compute", f"/os-aggregates/{aggregate}/action", binding)
        self._network(project, specs)
        for role in ("admin", "viewer"):
            group = self._make(
                "identity", "group", {"name": f"{leaf.name}-{role}", "domain_id": self._known[names.DOMAIN]}
            )
            granted = self._known[names.ROLES[role]]
            self._do("PUT", "identity", f"/projects/{project}/groups/{group}/roles/{granted}")
        for service, (_, title, path) in _QUOTAS.items():
            found = self._do("GET", service, path.format(project))[title]
            if forms.granted(service, found) != specs["Quota"][service]:
                raise RuntimeError(f"{service} does not hold the quota of {leaf.name}")

    def _network(self, project: str, specs: dict[str, Body]) -> None:
        network = self._make("network", "network", {"name": names.NETWORK, "project_id": project})
        (group,) = self._do("GET", "network", f"/security-groups?project_id={project}")["security_groups"]
        wanted = set(specs["SecurityGroup"]["rules"])
        for rule in group["security_group_rules"]:
            text = str(rules.observed(rule, group["id"]))
            if text not in wanted:
                self._do("DELETE", "network", f"/security-group-rules/{rule['id']}")
            wanted.discard(text)
        made = [
            {**rules.fields(rules.parse(text), group["id"]), "project_id": project} for text in sorted(wanted)
        ]
        self._do("POST", "network", "/security-group-rules", {"security_group_rules": made})
        subnet = self._make(
            "network",
            "subnet",
            {
                "name": names.NETWORK,
                "project_id": project,
                "network_id": network,
                "subnetpool_id": self._known[specs["Subnet"]["pool"]],
                "ip_version": 4,
                "enable_dhcp": True,
            },
        )
        router = self._make("network", "router", {"name": names.NETWORK, "project_id": project})
        self._do("PUT", "network", f"/routers/{router}/add_router_interface", {"subnet_id": subnet})

    def _know(self, method: str, service: str, path: str, title: str, body: Body) -> None:
        self._known[body["name"]] = self._do(method, service, path, {title: body})[title]["id"]

    def _make(self, service: str, title: str, body: Body) -> str:
        return str(self._do("POST", service, f"/{title}s", {title: body})[title]["id"])

    def _do(self, method: str, service: str, path: str, body: Body | None = None) -> Any:
        answer = self._services[service].request(path, method, json=body)
        if not answer.ok:
            raise RuntimeError(f"{method} {service} {path}: {answer.status_code} {answer.text}")
        return answer.json() if answer.content else {}


class CommandLine:
    """One `openstack` after the other, as in an operator's script.

    Attributes:
        commands: how many have run.
    """

    def __init__(self, cloud: DevCloud) -> None:
        self.commands = 0
        self._program = ensure_built().python.with_name("openstack")
        self._environ = {
            **os.environ,
            "OS_CLIENT_CONFIG_FILE": str(cloud.clouds_yaml),
            "OS_CLOUD": cloud.name,
            "PYTHONPATH": "",
            "PYTHONWARNINGS": "ignore",
        }

    def provision(self, shared: Sequence[Wanted], leaves: Sequence[Leaf]) -> None:
        """Make the endpoint's own objects, then one leaf after the other.

        Raises:
            RuntimeError: a command failed.
        """
        for wanted in shared:
            name, spec = wanted.key.name, wanted.body["spec"]
            if wanted.key.kind == "Domain":
                self._run("domain", "create", name)
            else:
                prefixes = [part for prefix in spec["prefixes"] for part in ("--pool-prefix", prefix)]
                length = str(spec["default_prefixlen"])
                self._run("subnet", "pool", "create", *prefixes, "--default-prefix-length", length, name)
        for leaf in leaves:
            self._leaf(leaf)

    def _leaf(self, leaf: Leaf) -> None:
        specs = specs_of(leaf)
        tags = [part for tag in names.tags(specs["Project"]["tags"]) for part in ("--tag", tag)]
        domain = names.DOMAIN
        project = self._id("project", "create", "--domain", domain, *tags, leaf.name)
        figures = {name: value for found in specs["Quota"].values() for name, value in found.items()}
        self._run(
            "quota",
            "set",
            *(f"--{_OPTIONS.get(name, name)}={value}" for name, value in figures.items()),
            project,
        )
        binding = f"{names.BINDING_PREFIX}{project}={project}"
        self._run("aggregate", "set", "--property", binding, specs["PoolBinding"]["aggregate"])
        self._network(project, specs)
        for role in ("admin", "viewer"):
            group = self._id("group", "create", "--domain", domain, f"{leaf.name}-{role}")
            self._run("role", "add", "--group", group, "--project", project, names.ROLES[role])

    def _network(self, project: str, specs: dict[str, Body]) -> None:
        owned = ("--project", project)
        network = self._id("network", "create", *owned, names.NETWORK)
        (group,) = json.loads(self._run("security", "group", "list", *owned, "-f", "json"))
        self._rules(group["ID"], project, set(specs["SecurityGroup"]["rules"]))
        pool = ("--subnet-pool", specs["Subnet"]["pool"])
        subnet = self._id("subnet", "create", *owned, "--network", network, *pool, "--dhcp", names.NETWORK)
        router = self._id("router", "create", *owned, names.NETWORK)
        self._run("router", "add", "subnet", router, subnet)

    def _rules(self, group: str, project: str, wanted: set[str]) -> None:
        unwanted = []
        for row in json.loads(self._run("security", "group", "rule", "list", group, "-f", "json")):
            text = _own_group_rule(row, group)
            if text in wanted:
                wanted.discard(text)
            else:
                unwanted.append(row["ID"])
        if unwanted:
            self._run("security", "group", "rule", "delete", *unwanted)
        for text in sorted(wanted):
            rule = rules.parse(text)
            options = [f"--{rule.direction}", "--project", project, "--protocol", rule.protocol]
            options += (
                ["--remote-group", group] if rule.remote == rules.OWN_GROUP else ["--remote-ip", rule.remote]
            )
            if rule.low is not None:
                options += ["--dst-port", f"{rule.low}:{rule.high}"]
            self._run("security", "group", "rule", "create", *options, group)

    def _id(self, *arguments: str) -> str:
        return self._run(*arguments, "-f", "value", "-c", "id").strip()

    def _run(self, *arguments: str | Path) -> str:
        self.commands += 1
        ended = subprocess.run(
            [self._program, *arguments], env=self._environ, capture_output=True, text=True, check=False
        )
        if ended.returncode:
            raise RuntimeError(f"openstack {' '.join(map(str, arguments))}: {ended.stderr.strip()}")
        return ended.stdout


def _own_group_rule(row: Body, group: str) -> str:
    """The text of a rule that lets everything pass within the group, else nothing: what a new group has."""
    if row["Ethertype"] != "IPv4" or row["IP Protocol"] or row["Remote Security Group"] != group:
        return ""
    return str(rules.Rule(row["Direction"], "IPv4", rules.ANY, None, None, rules.OWN_GROUP))


def specs_of(leaf: Leaf) -> dict[str, Body]:
    """What is wanted of a leaf's objects, by kind."""
    return {wanted.key.kind: wanted.body["spec"] for wanted in OpenStackTranslator().wanted(leaf)}
