"""Builds the databases of a cloud in which nothing stands yet but its own accounts.

Called by `__main__`, once for each set of pins and each state of this code. Calls the services' own
`*-manage` programs, and Keystone over HTTP. Promises a folder `state` that every cloud starts from a copy
of, and a folder `plugin` that announces the pretended network to Neutron.
"""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import openstack
from cryptography.fernet import Fernet

from cloudbed import configuration
from cloudbed.layout import ADMIN, DOMAIN, PASSWORD, REGION, SERVICE_PROJECT, SERVICES, Layout
from cloudbed.run import layout_at, listener, running

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_INTERFACES = ("public", "internal", "admin")


class SeedError(Exception):
    """A step failed; the text says which and carries the end of what it printed."""


def build(folder: Path) -> None:
    """Everything, into an empty folder.

    Raises:
        SeedError: a program of a service failed.
        ServiceEndedError: Keystone did not start.
    """
    _announce(folder / "plugin")
    with listener() as held:
        # The addresses of the others are those of nobody: each cloud writes its own over them.
        layout = layout_at(folder / "state", dict.fromkeys(SERVICES, held), {})
        configuration.write(layout)
        for name, prepare in _SCHEMAS.items():
            print(f"  {name}", file=sys.stderr, flush=True)
            prepare(layout)
        with running(folder, layout, {"keystone": held}):
            _open_accounts(layout)
    for file in layout.file("keystone").parent.glob("*.sqlite"):
        with closing(sqlite3.connect(file)) as database:
            # Readers and a writer at a time; and nothing of the seed is left in a file beside it.
            database.execute("PRAGMA journal_mode=WAL")
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _announce(folder: Path) -> None:
    """Neutron finds its drivers through the metadata of packages."""
    info = folder / "cloudbed-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: cloudbed\nVersion: 1\n", "utf-8")
    entry = "[neutron.ml2.mechanism_drivers]\ncloudbed = cloudbed.pretend_network:Binder\n"
    (info / "entry_points.txt").write_text(entry, "utf-8")


def _manage(layout: Layout, program: str, *arguments: str) -> None:
    """One of the services' own programs for operators."""
    service = program.partition("-")[0]
    _do([Path(sys.prefix, "bin", program), "--config-file", layout.configuration(service), *arguments])


def _do(command: list[Path | str]) -> None:
    ended = subprocess.run(command, check=False, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if ended.returncode:
        raise SeedError(f"`{' '.join(map(str, command))}` failed:\n{ended.stdout[-4000:]}")


def _keystone(layout: Layout) -> None:
    for repository in ("fernet", "credential"):
        for number in ("0", "1"):
            path = layout.state / "keys" / repository / number
            path.parent.mkdir(mode=0o700, exist_ok=True)
            path.write_bytes(Fernet.generate_key())
            path.chmod(0o600)
    _manage(layout, "keystone-manage", "db_sync")
    urls = (f"--bootstrap-{interface}-url={layout.url('keystone')}" for interface in _INTERFACES)
    password, region = f"--bootstrap-password={PASSWORD}", f"--bootstrap-region-id={REGION}"
    _manage(layout, "keystone-manage", "bootstrap", password, region, *urls)


def _neutron(layout: Layout) -> None:
    """Neutron's migrations speak MySQL and PostgreSQL alone; its models make the same tables."""
    code = (
        "import sys, sqlalchemy\nfrom neutron.db.migration.models import head\n"
        "head.get_metadata().create_all(sqlalchemy.create_engine(sys.argv[1]))"
    )
    _do([sys.executable, "-c", code, layout.database("neutron")])


def _nova(layout: Layout) -> None:
    _manage(layout, "nova-manage", "api_db", "sync")
    cell = ("--database_connection", layout.database("nova_cell0"))
    _manage(layout, "nova-manage", "cell_v2", "map_cell0", *cell)
    _manage(layout, "nova-manage", "db", "sync")  # of both cells
    cell = ("--database_connection", layout.database("nova_cell1"))
    _manage(
        layout,
        "nova-manage",
        "cell_v2",
        "create_cell",
        "--name",
        "cell1",
        "--transport-url",
        "fake:///",
        *cell,
    )


_SCHEMAS: Mapping[str, Callable[[Layout], None]] = {
    "keystone": _keystone,
    "placement": lambda layout: _manage(layout, "placement-manage", "db", "sync"),
    "glance": lambda layout: _manage(layout, "glance-manage", "db_sync"),
    "neutron": _neutron,
    "cinder": lambda layout: _manage(layout, "cinder-manage", "db", "sync"),
    "nova": _nova,
}


def _open_accounts(layout: Layout) -> None:
    """An account for every service, and its place in the catalogue."""
    auth = {
        "auth_url": layout.url("keystone"),
        "username": ADMIN,
        "password": PASSWORD,
        "project_name": ADMIN,
        "user_domain_id": DOMAIN,
        "project_domain_id": DOMAIN,
    }
    # Without these two, a clouds.yaml of the person who builds would win over what is given here.
    with openstack.connect(
        auth=auth, region_name=REGION, load_yaml_config=False, load_envvars=False
    ) as connection:
        identity: Any = connection.identity  # its type allows for a version 2 that nobody runs
        roles = {role.name: role.id for role in identity.roles()}
        project = identity.create_project(name=SERVICE_PROJECT, domain_id=DOMAIN)
        for name, (kind, _) in SERVICES.items():
            if name == "keystone":
                continue
            user = identity.create_user(name=name, password=PASSWORD, domain_id=DOMAIN)
            for role in ("admin", "service"):
                identity.assign_project_role_to_user(project.id, user.id, roles[role])
            _enter(identity, layout.url(name), name, kind)
        # Nova looks for volumes under the name that they had before.
        _enter(identity, layout.url("cinder"), "cinder", "volumev3")


def _enter(identity: Any, url: str, name: str, kind: str) -> None:
    service = identity.create_service(name=name, type=kind)
    for interface in _INTERFACES:
        identity.create_endpoint(service_id=service.id, interface=interface, url=url, region_id=REGION)
