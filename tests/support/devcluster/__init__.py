"""The project's own Kubernetes test bed: a real control plane on loopback, built from pinned Go modules.

Used by tests, benchmarks and the two scripts in tests/devcluster/, where the pins stand. `toolchain` finds
or installs Go, `builds` compiles and caches, `certificates` and `kubeconfig` say who may come in, `process`
starts and ends, `cluster` puts them together, `fake_nodes` adds nodes that only look real, `api` is a small
client of our own. Standard library alone, so that a person can start it before anything is installed.
"""

from devcluster.api import Answer, Api, ApiError
from devcluster.builds import programs
from devcluster.cluster import DevCluster
from devcluster.kubeconfig import Login, merge

__all__ = ["Answer", "Api", "ApiError", "DevCluster", "Login", "merge", "programs"]
