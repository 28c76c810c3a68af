"""Continuous integration without a database judges quotas against a signed export of the ledger.

The ledger is exported where it is; the files are validated where no state is. What the rules say is what they
would say beside the database; an export that was changed or that somebody else signed is refused.
"""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from commandline import CommandLine

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def elsewhere(provisioned: CommandLine, tmp_path: Path) -> CommandLine:
    """Another machine: the declared files, an export with its signature, the public key, and no state."""
    openssl("genpkey", "-algorithm", "ed25519", "-out", str(provisioned.folder / "key.pem"))
    terms = ["--pool", "k8s-egov", "--cpu", "2", "--from", provisioned.day, "--until", "2027-11-22"]
    for node in ("bureau/jtj", "tenant/jtj"):
        provisioned.run("grant", "add", node, *terms, "--basis", "市政府〔2026〕1号")
    provisioned.run("ledger", "export", "--out", "ledger.json", "--sign", "file:key.pem")
    folder = tmp_path / "elsewhere"
    shutil.copytree(provisioned.tenants, folder / "tenants")
    shutil.copy(provisioned.folder / "ledger.json", folder)
    openssl("pkey", "-in", str(provisioned.folder / "key.pem"), "-pubout", "-out", str(folder / "city.pub"))
    return CommandLine(folder)


def openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


SIGNED = ("--snapshot", "ledger.json", "--snapshot-key", "city.pub")


def rules(desk: CommandLine, *arguments: str, expect: int = 0) -> set[tuple[str, str]]:
    found = desk.value("validate", *arguments, expect=expect)["findings"]
    return {(finding["rule"], finding["subject"]) for finding in found}


def test_files_that_agree_with_the_ledger_are_in_order(elsewhere: CommandLine) -> None:
    assert not any(rule.startswith("Q") and rule != "Q10" for rule, _ in rules(elsewhere, *SIGNED))
    assert not elsewhere.state.exists()


def test_an_edited_figure_is_judged_against_the_ledger(elsewhere: CommandLine) -> None:
    """The ledger granted the bureau and the tenant more than the files say; alone, they do not know it."""
    elsewhere.change_rows("leaf/k8s/jtj-egov", cpu=9)
    assert {rule for rule, _ in rules(elsewhere, expect=1)} >= {"Q04", "Q05"}
    beside = rules(elsewhere, *SIGNED)
    assert ("Q09", "leaf/k8s/jtj-egov k8s-egov") in beside, "a grant changes quota, not the file"
    assert not {rule for rule, _ in beside} & {"F01", "Q04", "Q05"}

    elsewhere.change_rows("leaf/k8s/jtj-egov", cpu=11)
    assert ("F01", "leaf/k8s/jtj-egov k8s-egov") in rules(elsewhere, *SIGNED, expect=1)
    said = elsewhere.run("validate", *SIGNED, expect=1)
    assert "配额上限为 10 核, 需要 11 核, 超出 1 核" in said


def test_an_export_that_was_changed_is_refused(elsewhere: CommandLine) -> None:
    path = elsewhere.folder / "ledger.json"
    text = path.read_text("utf-8")
    assert '"limit_":10000' in text
    path.write_text(text.replace('"limit_":10000', '"limit_":90000'), "utf-8")

    assert "内容与摘要不符" in elsewhere.run("validate", *SIGNED, expect=2)


def test_an_export_of_another_hand_is_refused(elsewhere: CommandLine) -> None:
    openssl("genpkey", "-algorithm", "ed25519", "-out", str(elsewhere.folder / "other.pem"))
    openssl(
        "pkey",
        "-in",
        str(elsewhere.folder / "other.pem"),
        "-pubout",
        "-out",
        str(elsewhere.folder / "city.pub"),
    )

    assert "签名与密钥不符" in elsewhere.run("validate", *SIGNED, expect=1)
