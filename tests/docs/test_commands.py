"""Every command that README and docs/ show exists, runs and ends as they say."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest

from devcloud import DevCloud, furnish
from devcluster import DevCluster
from documents import KUBECONFIG, SHELLS, Block, Place, Shown, alike, blocks, documents, links
from tools.environment import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.timeout(600)

DOCUMENTS = documents()
RUN = {"yunjin", "kubectl", "cat", "cd", "cp", "export", "ls", "mkdir"}
# They prepare a machine or a clone, which a test of the documents must not do; make's targets are looked up.
KNOWN = {"apt-get", "git", "sudo", "tar", "make", "./install.sh"}
# They do not end by themselves; that they exist is asked of their help.
ENDLESS = ("yunjin controller run",)


@dataclass(frozen=True, slots=True)
class Desk:
    """Where a reader sits who follows one document: a folder with tenants/ and `yunjin` on the path."""

    folder: Path
    programs: Path | None = None

    def prepare(self) -> None:
        shutil.copytree(ROOT / "tenants", self.folder / "tenants")
        (self.folder / "bin").mkdir()
        command = self.folder / "bin" / "yunjin"
        command.write_text(f"#!{sys.executable}\nfrom yunjin_cli.main import main\n\nmain()\n", "utf-8")
        command.chmod(0o755)

    def run(self, shown: Shown) -> subprocess.CompletedProcess[str]:
        """One command, in a shell as the reader has it."""
        path = [
            str(self.folder / "bin"),
            *([str(self.programs)] if self.programs else []),
            os.environ["PATH"],
        ]
        kept = {name: value for name, value in os.environ.items() if not name.startswith("YUNJIN_")}
        return subprocess.run(
            ["bash", "-o", "pipefail", "-c", runnable(shown.command)],
            cwd=self.folder,
            env=kept | {"PATH": os.pathsep.join(path), "COLUMNS": "120", "HOME": str(self.folder)},
            check=False,
            capture_output=True,
            text=True,
            timeout=300,
        )


def name(document: Path) -> str:
    return document.relative_to(ROOT).as_posix()


def programs_of(command: str) -> list[str]:
    """First word of each part of a pipeline or list, variables set before it left out."""
    parts = re.split(r"\|\|?|&&|;", command)
    return [next(word for word in shlex.split(part) if not re.match(r"[A-Z_]+=", word)) for part in parts]


def runnable(command: str) -> str:
    """The command, or the question whether it exists where it would not end."""
    for endless in ENDLESS:
        if command.startswith(endless):
            return f"{endless} --help"
    return command


def targets() -> set[str]:
    return set(re.findall(r"(?m)^([a-z]+):", (ROOT / "Makefile").read_text("utf-8")))


def follow(document: Path, chosen: list[Block], desk: Desk) -> None:
    """Run every command of the blocks in order; say all that went wrong."""
    wrong = []
    for block in chosen:
        for shown in block.commands():
            if not set(programs_of(shown.command)) <= RUN:
                continue
            done = desk.run(shown)
            where = f"{name(document)}:{shown.line}: $ {shown.command}\n"
            if done.returncode != shown.exit_code:
                wrong.append(
                    f"{where}exit code {done.returncode}, not {shown.exit_code}\n{done.stdout}{done.stderr}"
                )
            elif block.exact and not alike(done.stdout, shown.output):
                wrong.append(f"{where}says\n{done.stdout}not\n" + "\n".join(shown.output))
    assert not wrong, "\n".join(wrong)


def consoles(document: Path, place: Place | None = None) -> list[Block]:
    found = [block for block in blocks(document) if block.language == "console"]
    return [block for block in found if place in (None, block.place)]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    made = Desk(tmp_path)
    made.prepare()
    return made


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevCluster]:
    """An empty cluster for each document, and for its translation: they provision the whole city."""
    with DevCluster.start(tmp_path_factory.mktemp("document"), light=True) as started:
        yield started


@pytest.fixture
def clouds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevCloud]:
    """An empty cloud with the hosts of Panjin's pools in their aggregates, as the operators leave it."""
    with DevCloud.start(tmp_path_factory.mktemp("document")) as started:
        for pool, host in zip(("os-egov", "os-inet"), started.hosts, strict=False):
            furnish.aggregate(started.api(), pool, [host])
        yield started


@pytest.mark.parametrize("readme", ["README.md", "README.zh-CN.md"])
def test_a_readme_shows_the_two_doors_and_what_the_demo_says(readme: str) -> None:
    shown = {command.command for block in consoles(ROOT / readme) for command in block.commands()}
    assert {"make demo", "make test"} <= shown


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_every_command_is_a_known_one(document: Path) -> None:
    for block in blocks(document):
        assert not (block.language in SHELLS and "yunjin " in block.text), (
            f"line {block.line}: write it as console"
        )
    for block in consoles(document):
        for shown in block.commands():
            programs = programs_of(shown.command)
            assert set(programs) <= RUN | KNOWN, f"line {shown.line}: {shown.command}"
            if programs[0] == "make":
                words = [word for word in shlex.split(shown.command)[1:] if "=" not in word]
                assert set(words) <= targets(), f"line {shown.line}: {shown.command}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_every_link_leads_somewhere(document: Path) -> None:
    assert [link for link in links(document) if not (document.parent / link).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_the_commands_run_on_the_simulated_substrate(document: Path, desk: Desk) -> None:
    follow(document, consoles(document, Place.SIMULATED), desk)


@pytest.mark.kubernetes
@pytest.mark.owns_server
@pytest.mark.parametrize("document", [d for d in DOCUMENTS if consoles(d, Place.CLUSTER)], ids=name)
def test_the_commands_run_on_a_real_cluster(document: Path, desk: Desk, server: DevCluster) -> None:
    shutil.copy2(server.kubeconfig, desk.folder / KUBECONFIG)
    at_the_cluster = replace(desk, programs=server.programs["kubectl"].parent)
    follow(document, consoles(document, Place.CLUSTER), at_the_cluster)


@pytest.mark.openstack
@pytest.mark.parametrize("document", [d for d in DOCUMENTS if consoles(d, Place.CLOUD)], ids=name)
def test_the_commands_run_on_a_real_cloud(document: Path, desk: Desk, clouds: DevCloud) -> None:
    shutil.copy2(clouds.clouds_yaml, desk.folder / "clouds.yaml")
    follow(document, consoles(document, Place.CLOUD), desk)
