"""`python tests/devcluster/build.py`: build the programs of the test bed, or find them; prints their folder.

Called by people and by `make test`. All it knows is in `devcluster.builds`.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from devcluster.builds import BuildError, ensure_built


def main() -> int:
    """Exit code: 0 when the programs are there, 1 when they could not be had."""
    try:
        print(ensure_built())
    except BuildError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
