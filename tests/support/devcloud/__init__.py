"""The project's own OpenStack test bed: six real services on loopback, pretended hypervisors below them.

Used by tests, benchmarks and the two scripts in tests/testbeds/openstack/. `builds` installs the services
and seeds their databases once a machine, `cloud` starts one cloud and ends it, `api` is a small client of our
own, `furnish` brings what an operator brings (images, flavors, aggregates), `tenant` is somebody who boots
servers. Standard library and `devcluster` alone, so that a person can start it before anything is installed.
"""

from devcloud.api import CloudApi, Login
from devcloud.builds import Build, ensure_built
from devcloud.cloud import HOSTS, CloudError, DevCloud, Host
from devcloud.tenant import Tenant

__all__ = ["HOSTS", "Build", "CloudApi", "CloudError", "DevCloud", "Host", "Login", "Tenant", "ensure_built"]
