"""The lanes of `make test` as data: what each runs, what is real in it, how long it takes, what mends it.

Read by `tools.suite`. Standard library alone: the table is printed before anything is installed. A test
lies in exactly one lane: the four folders named below have lanes of their own, the markers `openstack`,
`kubernetes` and `postgres` have one each, the first of those that a test carries; every other test is
`check`'s, and `prove` belongs to `make prove`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import NamedTuple

# Each file in these folders is one promise, and the first line of its docstring says which.
PROMISES = ("tests/e2e", "tests/packaging", "tests/bundle", "tests/docs")

# Minutes after which a run is ended, whatever it is doing: continuous integration waits no longer.
LONGEST = 75


class Words(NamedTuple):
    """A sentence in both languages. Contributors read the one of their terminal."""

    zh: str
    en: str

    def __str__(self) -> str:
        """In the language of YUNJIN_LANG, else of LANG; English unless one of them says Chinese."""
        lang = os.environ.get("YUNJIN_LANG") or os.environ.get("LC_ALL") or os.environ.get("LANG") or "en"
        return self.zh if lang.startswith("zh") else self.en


@dataclass(frozen=True, slots=True)
class Step:
    """One command of a lane, run from the root with `.venv/bin` first on the path.

    `promise` stands in the closing table; a pytest step also gets a row for each file of a folder in
    PROMISES.
    """

    promise: Words
    command: tuple[str, ...]

    @property
    def is_pytest(self) -> bool:
        """Whether its results are read from a report, test by test."""
        return self.command[0] == "pytest"


@dataclass(frozen=True, slots=True)
class Lane:
    """A set of steps that stand on the same real things.

    `warm` and `fresh` are minutes on two cores, with and without what earlier runs left; `limit` ends a
    lane that hangs. `needs` names functions of `tools.needs`, run in order before the first step. The
    temporary files of a lane `in_memory` lie there, where the system offers that: thousands of small
    databases need not wait for a disk.
    """

    name: str
    real: Words
    warm: int
    fresh: int
    limit: int
    needs: tuple[str, ...]
    steps: tuple[Step, ...]
    in_memory: bool = False

    @property
    def again(self) -> str:
        """The command that runs this lane alone."""
        return f"make test LANES={self.name}"


def _tests(promise: Words, *selection: str) -> Step:
    return Step(promise, ("pytest", "-q", *selection))


LANES = (
    Lane(
        "check",
        Words(
            "代码本身: 格式、类型、分层, 单元与契约测试(模拟底座)",
            "the code: style, types, layers, unit and contract tests (simulated)",
        ),
        warm=2,
        fresh=4,
        limit=15,
        needs=(),
        steps=(
            Step(Words("代码规范", "house style"), ("ruff", "check", ".")),
            Step(Words("代码格式", "format"), ("ruff", "format", "--check", ".")),
            Step(Words("类型严格", "types, strict"), ("mypy",)),
            Step(Words("分层单向", "layers, one direction"), ("lint-imports",)),
            _tests(
                Words("单元与契约", "unit and contract"),
                "tests",
                *(f"--ignore={folder}" for folder in PROMISES),
                "-m",
                "not openstack and not kubernetes and not postgres and not served and not storm"
                " and not prove",
                "--numprocesses=auto",
            ),
        ),
        in_memory=True,
    ),
    Lane(
        "e2e",
        Words(
            "全部申报文件与命令行; 底座为模拟",
            "the declared city and the command line; the substrate is simulated",
        ),
        warm=6,
        fresh=7,
        limit=25,
        needs=(),
        steps=(
            _tests(
                Words("端到端", "end to end"),
                "tests/e2e",
                "--numprocesses=auto",
                "-m",
                "not openstack and not kubernetes and not postgres and not prove",
            ),
        ),
    ),
    Lane(
        "kubernetes",
        Words(
            "真实的 Kubernetes 1.37: API 服务器、控制器、调度器、etcd; 节点为模拟",
            "Kubernetes 1.37: API server, controller-manager, scheduler, etcd; its nodes are fake",
        ),
        warm=10,
        fresh=20,
        limit=40,
        needs=("own_cluster_in_ci", "devcluster"),
        steps=(
            _tests(
                Words("真实服务器上的契约", "contracts, real server"),
                "tests",
                "-m",
                "kubernetes and not openstack and not prove",
            ),
        ),
    ),
    Lane(
        "openstack",
        Words(
            "真实的 OpenStack 2026.2: Keystone、Nova、Neutron、Cinder、Glance、Placement; 计算主机为模拟",
            "OpenStack 2026.2: Keystone, Nova, Neutron, Cinder, Glance, Placement; its hosts are fake",
        ),
        warm=7,
        fresh=10,
        limit=25,
        needs=("own_cluster_in_ci", "devcluster", "postgresql", "devcloud"),
        steps=(
            _tests(
                Words("真实云服务上的契约", "contracts, real services"),
                "tests",
                "-m",
                "openstack and not prove",
                "--numprocesses=2",  # a cloud for each, 0.9 GB of memory and most of a processor
                "--dist=loadfile",  # and one more for a file that wants its own
            ),
        ),
    ),
    Lane(
        "ledger",
        Words("真实的 PostgreSQL 15: 状态库与台账", "PostgreSQL 15: the state database and its ledger"),
        warm=8,
        fresh=10,
        limit=25,
        needs=("postgresql",),
        steps=(
            _tests(
                Words("真实数据库上的契约", "contracts, real database"),
                "tests",
                "-m",
                "(postgres or served or storm) and not openstack and not kubernetes and not prove",
            ),
        ),
    ),
    Lane(
        "packaging",
        Words("真实的 wheel、sdist 与可编辑安装", "wheel, sdist and editable install"),
        warm=1,
        fresh=1,
        limit=10,
        needs=(),
        steps=(_tests(Words("打包", "packaging"), "tests/packaging"),),
    ),
    Lane(
        "bundle",
        Words(
            "离线安装包, 装在没有路由的网络命名空间里",
            "the offline installer, in a network namespace without a route",
        ),
        warm=4,
        fresh=6,
        limit=20,
        needs=("namespace",),
        steps=(_tests(Words("离线安装", "offline installer"), "tests/bundle"),),
    ),
    Lane(
        "docs",
        Words("README 与 docs/ 中的命令逐条执行", "every command that README and docs/ show"),
        warm=3,
        fresh=4,
        limit=10,
        needs=(),
        steps=(
            _tests(
                Words("文档", "documents"),
                "tests/docs",
                "-m",
                "not openstack and not kubernetes and not postgres",
            ),
        ),
    ),
)
