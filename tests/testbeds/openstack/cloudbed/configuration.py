"""What the six services are told, as data, and written to their files.

Called by `seed` and `run`. Promises that nothing listens but on loopback, that the services hold no path
outside the cloud's own folder but the programs', and that a cloud differs from another in folder and ports
alone.
"""

from __future__ import annotations

import configparser
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from cloudbed.layout import ADDRESS, DOMAIN, PASSWORD, REGION, SERVICE_PROJECT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cloudbed.layout import Layout

    Sections = Mapping[str, Mapping[str, str]]

FOLDERS = ("cinder", "db", "images", "keys", "lock", "neutron", "nova", "staging", "tasks", "tmp")

# Seconds for which a service goes on accepting a token that it has checked once: a deleted application
# credential is refused everywhere after that. The services' own default is 300.
TOKEN_CACHE_TIME = 30

CONTROL_HOST = "control"  # where everything but compute pretends to run


def write(layout: Layout) -> None:
    """The file of every service, and the folders they write to."""
    for name in FOLDERS:
        (layout.state / name).mkdir(parents=True, exist_ok=True)
    for name, sections in _SECTIONS.items():
        parser = configparser.RawConfigParser(default_section="\0")
        parser.read_dict(sections(layout))
        path = layout.configuration(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", encoding="utf-8") as file:
            parser.write(file)


def _share(name: str) -> str:
    """A file that the service's own package brings."""
    return str(Path(sys.prefix) / "etc" / name)


def _default(layout: Layout, name: str, **more: str) -> dict[str, str]:
    """The section DEFAULT of a service with workers: they talk to each other within their own process."""
    return {
        "transport_url": "fake:///",
        "host": CONTROL_HOST,
        "state_path": str(layout.state / name),
        "use_stderr": "true",
        **more,
    }


def _database(layout: Layout, name: str) -> dict[str, str]:
    return {"connection": layout.database(name), "sqlite_synchronous": "false"}


def _login(layout: Layout, user: str) -> dict[str, str]:
    """How a service comes in at another one."""
    return {
        "auth_type": "password",
        "auth_url": layout.url("keystone"),
        "username": user,
        "password": PASSWORD,
        "project_name": SERVICE_PROJECT,
        "user_domain_id": DOMAIN,
        "project_domain_id": DOMAIN,
        "region_name": REGION,
    }


def _tokens(layout: Layout, user: str) -> dict[str, str]:
    """How a service checks the tokens that it is shown."""
    return {
        **_login(layout, user),
        "www_authenticate_uri": layout.url("keystone"),
        "service_token_roles_required": "true",
        "token_cache_time": str(TOKEN_CACHE_TIME),
    }


def _locks(layout: Layout) -> dict[str, str]:
    return {"lock_path": str(layout.state / "lock")}


def _keystone(layout: Layout) -> Sections:
    keys = layout.state / "keys"
    return {
        "DEFAULT": {"use_stderr": "true"},
        "database": _database(layout, "keystone"),
        "token": {"provider": "fernet"},
        "fernet_tokens": {"key_repository": str(keys / "fernet")},
        "fernet_receipts": {"key_repository": str(keys / "fernet")},
        "credential": {"key_repository": str(keys / "credential")},
        "identity": {"password_hash_rounds": "4"},  # the fewest: passwords here protect nothing
        "cache": {"enabled": "true", "backend": "oslo_cache.dict"},
    }


def _placement(layout: Layout) -> Sections:
    return {
        "DEFAULT": {"use_stderr": "true"},
        "placement_database": _database(layout, "placement"),
        "api": {"auth_strategy": "keystone"},
        "keystone_authtoken": _tokens(layout, "placement"),
    }


def _glance(layout: Layout) -> Sections:
    images = {"filesystem_store_datadir": str(layout.state / "images")}
    return {
        "DEFAULT": {
            "use_stderr": "true",
            "enabled_backends": "disk:file",
            "worker_self_reference_url": layout.url("glance"),
            "node_staging_uri": f"file://{layout.state}/staging",
            **images,
        },
        "database": _database(layout, "glance"),
        "keystone_authtoken": _tokens(layout, "glance"),
        "paste_deploy": {"flavor": "keystone", "config_file": _share("glance/glance-api-paste.ini")},
        "glance_store": {"default_backend": "disk"},
        "disk": images,
        "os_glance_staging_store": {"filesystem_store_datadir": str(layout.state / "staging")},
        "os_glance_tasks_store": {"filesystem_store_datadir": str(layout.state / "tasks")},
        "oslo_concurrency": _locks(layout),
    }


def _neutron(layout: Layout) -> Sections:
    return {
        "DEFAULT": _default(
            layout,
            "neutron",
            core_plugin="ml2",
            service_plugins="router",
            api_paste_config=_share("neutron/api-paste.ini"),
            # Nobody waits for a wire to be plugged in, and no agent hands out addresses.
            notify_nova_on_port_status_changes="false",
            notify_nova_on_port_data_changes="false",
            dhcp_agent_notification="false",
        ),
        "database": _database(layout, "neutron"),
        "keystone_authtoken": _tokens(layout, "neutron"),
        "ml2": {"type_drivers": "vxlan", "tenant_network_types": "vxlan", "mechanism_drivers": "cloudbed"},
        "ml2_type_vxlan": {"vni_ranges": "1:4000"},
        "oslo_concurrency": _locks(layout),
    }


def _cinder(layout: Layout) -> Sections:
    return {
        "DEFAULT": _default(
            layout,
            "cinder",
            api_paste_config=_share("cinder/api-paste.ini"),
            enabled_backends="records",
            scheduler_driver_init_wait_time="1",
            glance_api_servers=layout.url("glance"),
        ),
        "records": {
            "volume_driver": "cinder.tests.fake_driver.FakeLoggingVolumeDriver",
            "volume_backend_name": "records",
            "volume_clear": "none",
        },
        "database": _database(layout, "cinder"),
        "keystone_authtoken": _tokens(layout, "cinder"),
        "coordination": {"backend_url": f"file://{layout.state}/cinder"},
        "oslo_concurrency": _locks(layout),
    }


def _nova(layout: Layout) -> Sections:
    login = _login(layout, "nova")
    return {
        "DEFAULT": _default(
            layout,
            "nova",
            my_ip=ADDRESS,
            compute_driver="fake.PretendDriver",
            sync_power_state_interval="-1",
            use_cow_images="false",
        ),
        "api_database": _database(layout, "nova_api"),
        "database": _database(layout, "nova_cell1"),
        "keystone_authtoken": _tokens(layout, "nova"),
        "service_user": {**login, "send_service_user_token": "true"},
        "placement": login,
        "neutron": login,
        "glance": login,
        "cinder": login,
        # A project that an aggregate names lands there alone.
        "scheduler": {"limit_tenants_to_placement_aggregate": "true"},
        # And nobody else does: Placement keeps the named in, this filter keeps the others out.
        "filter_scheduler": {
            "enabled_filters": "ComputeFilter,ComputeCapabilitiesFilter,ImagePropertiesFilter,"
            "ServerGroupAntiAffinityFilter,ServerGroupAffinityFilter,AggregateMultiTenancyIsolation"
        },
        "oslo_concurrency": _locks(layout),
    }


_SECTIONS: Mapping[str, Callable[[Layout], Sections]] = {
    "keystone": _keystone,
    "placement": _placement,
    "glance": _glance,
    "neutron": _neutron,
    "cinder": _cinder,
    "nova": _nova,
}
