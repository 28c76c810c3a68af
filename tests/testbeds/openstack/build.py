"""`python tests/testbeds/openstack/build.py`: have all that a cloud for tests is made of; prints where.

Called by people and by `make test`. The first time it installs the services and seeds their databases, about
two minutes on two cores; later calls take no time.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "support"))

from devcloud.builds import ensure_built
from devcluster.builds import BuildError


def main() -> int:
    """Exit code: 0 when everything is there, 1 when it could not be had."""
    try:
        built = ensure_built()
    except BuildError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{built.python.parents[1]}\n{built.seed}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
