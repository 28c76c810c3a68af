"""`python -m cloudbed seed FOLDER` builds a seed, `... run FOLDER SEED HOSTS` starts a cloud and stays.

Called by `devcloud`, in the environment that holds the services. HOSTS is JSON: processors, MiB of memory
and GiB of disk by name.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from cloudbed.layout import Host
from cloudbed.run import ServiceEndedError, run
from cloudbed.seed import SeedError, build


def main(arguments: list[str]) -> int:
    """Exit code: 1 where a service or a step of the seed failed, which is said; 2 for a wrong call."""
    try:
        match arguments:
            case ["seed", folder]:
                build(Path(folder))
            case ["run", folder, seed, hosts]:
                sizes = {name: Host(*size) for name, size in json.loads(hosts).items()}
                run(Path(folder), Path(seed), sizes)
            case _:
                print(__doc__, file=sys.stderr)
                return 2
    except (SeedError, ServiceEndedError) as error:
        print(error, file=sys.stderr, flush=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
