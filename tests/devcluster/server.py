"""`python tests/devcluster/server.py up|down DIR`: a cluster to look at, and its end.

Called by people. It goes on running after `up` has returned; `down` ends exactly the processes it recorded
in DIR.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from devcluster.builds import BuildError
from devcluster.cluster import ClusterError, DevCluster, stop


def main() -> int:
    """Exit code: 0 when the cluster is up, or down; 1 when it could not be started or DIR is in use."""
    parser = argparse.ArgumentParser(description="A Kubernetes control plane on loopback, for looking at.")
    parser.add_argument("command", choices=("up", "down"))
    parser.add_argument(
        "folder", type=Path, help="keys, logs and data of the cluster; `up` wants it empty or absent"
    )
    parser.add_argument("--fake-nodes", type=int, default=0, help="nodes that only look real")
    parser.add_argument("--light", action="store_true", help="no scheduler and few controllers")
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
        cluster = DevCluster.start(chosen.folder, light=chosen.light, tied=False, fake=chosen.fake_nodes)
    except (BuildError, ClusterError, RuntimeError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"export KUBECONFIG={cluster.kubeconfig}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
