"""The page about declared state shows what really happens."""

import re
import shutil
from pathlib import Path

import pytest

from yunjin.errors import DeclaredErrors, Lang
from yunjin.estate import load
from yunjin_cli.output import show_error
from yunjin_cli.session import Output

REPOSITORY = Path(__file__).parents[3]
PAGES: dict[Lang, Path] = {
    "en": REPOSITORY / "docs" / "declared-state.md",
    "zh": REPOSITORY / "docs" / "declared-state.zh-CN.md",
}
SLIPS = {
    "baseline.yaml": ("memory: 192Gi", "memory: 192 Gib"),
    "dawa.yaml": ("contacts:", "contact:"),
    "jtj.yaml": ("owner: bureau/jtj", "owner: bureau/jtk"),
}


@pytest.mark.parametrize("lang", PAGES)
def test_the_errors_shown_are_real(
    lang: Lang, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "tenants"
    shutil.copytree(REPOSITORY / "tenants", folder)
    for name, (right, wrong) in SLIPS.items():
        text = (folder / name).read_text("utf-8")
        assert right in text
        (folder / name).write_text(text.replace(right, wrong, 1), "utf-8")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DeclaredErrors) as caught:
        load(Path("tenants"))
    show_error(caught.value, lang, Output.TABLE)
    shown = re.findall(r"```text\n(.*?)```", PAGES[lang].read_text("utf-8"), flags=re.DOTALL)
    assert shown == [capsys.readouterr().err]


@pytest.mark.parametrize("lang", PAGES)
def test_the_table_of_files_lists_every_kind_that_is_shipped(lang: Lang) -> None:
    files = [file.read_text("utf-8") for file in (REPOSITORY / "tenants").rglob("*.yaml")]
    shipped = {kind for text in files for kind in re.findall(r"^kind: (\w+)$", text, flags=re.MULTILINE)}
    listed = re.findall(r"^\| `\S+\.yaml` \| `(\w+)` \|", PAGES[lang].read_text("utf-8"), flags=re.MULTILINE)
    assert set(listed) == shipped
    assert len(listed) == len(shipped)
