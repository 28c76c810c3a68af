"""`python tests/devcluster/build.py`: have all that a cluster for tests is made of; prints where its
programs are.

Called by people and by `make test`. A first build takes about 12 minutes on two cores, later calls no time.
As root on Debian it also installs openssl where that is missing.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from devcluster.builds import BuildError, programs
from devcluster.toolchain import ensure_openssl


def main() -> int:
    """Exit code: 0 when everything is there, 1 when it could not be had."""
    try:
        ensure_openssl()
        print(programs()["kube-apiserver"].parent)
    except (BuildError, RuntimeError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
