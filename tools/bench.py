"""`make bench`: runs every benchmark in benchmarks/, each as its own process.

Run by the Makefile with the environment's Python. A benchmark prints its ratios beside their aims; they are
read by people, so a missed aim is no failure and the exit code is 0. A benchmark that breaks is named at
the end.
"""

from __future__ import annotations

import subprocess
import sys

from tools.environment import ROOT
from tools.lanes import Words


def main() -> int:
    """Runs them in the order of their names."""
    broken = []
    for benchmark in sorted((ROOT / "benchmarks").glob("[!_]*.py")):
        print(f"\n== {benchmark.stem}", flush=True)
        if subprocess.run([sys.executable, str(benchmark)], cwd=ROOT, check=False).returncode:
            broken.append(benchmark.stem)
    if broken:
        print("\n" + str(Words(f"未能完成: {', '.join(broken)}", f"did not finish: {', '.join(broken)}")))
    return 0


if __name__ == "__main__":
    sys.exit(main())
