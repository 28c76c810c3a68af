"""`python tests/testbeds/openstack/server.py up|down DIR`: a cloud to look at, and its end.

Called by people. It goes on running after `up` has returned; `down` ends exactly the processes it recorded
in DIR.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "support"))

from devcloud.cloud import HOSTS, CloudError, DevCloud, Host, stop
from devcluster.builds import BuildError


def main() -> int:
    """Exit code: 0 when the cloud is up, or down; 1 when it could not be started or DIR is in use."""
    parser = argparse.ArgumentParser(description="Six OpenStack services on loopback, for looking at.")
    parser.add_argument("command", choices=("up", "down"))
    parser.add_argument(
        "folder", type=Path, help="databases and logs of the cloud; `up` wants it empty or absent"
    )
    parser.add_argument(
        "--host",
        action="append",
        type=_host,
        metavar="NAME=CPUS,MIB,GIB",
        help="a hypervisor that only looks real",
    )
    chosen = parser.parse_args()
    if chosen.command == "down":
        print("ended:", ", ".join(stop(chosen.folder)) or "nothing was running")
        return 0
    if chosen.folder.exists() and any(chosen.folder.iterdir()):
        print(
            f"{chosen.folder} is not empty: end what is there with `down`, then choose a new folder",
            file=sys.stderr,
        )
        return 1
    try:
        cloud = DevCloud.start(chosen.folder, hosts=dict(chosen.host or HOSTS), tied=False)
    except (BuildError, CloudError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"export OS_CLIENT_CONFIG_FILE={cloud.clouds_yaml} OS_CLOUD={cloud.name}")
    return 0


def _host(text: str) -> tuple[str, Host]:
    name, _, sizes = text.partition("=")
    return name, Host(*map(int, sizes.split(",")))


if __name__ == "__main__":
    sys.exit(main())
