from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from documents import Shown, alike, blocks, links

if TYPE_CHECKING:
    from pathlib import Path

DOCUMENT = """# Title

See [the rules](rules.md#ids) and [elsewhere](https://example.invalid/) and ![a picture](img/p.svg).

```console
$ yunjin plan \\
>   --out p.json
written
$ yunjin apply p.json
$ echo $?
1
```

```console output
$ yunjin status
fine
```

```yaml
a: $ yunjin
```
"""


@pytest.fixture
def document(tmp_path: Path) -> Path:
    path = tmp_path / "document.md"
    path.write_text(DOCUMENT, "utf-8")
    return path


def test_commands_carry_what_is_said_of_them(document: Path) -> None:
    first, second, other = blocks(document)
    assert first.commands() == [
        Shown(6, "yunjin plan   --out p.json", ["written"]),
        Shown(9, "yunjin apply p.json", [], 1),
    ]
    assert not first.exact
    assert second.exact
    assert second.commands() == [Shown(15, "yunjin status", ["fine"])]
    assert other.language == "yaml"


def test_links_inside_the_project(document: Path) -> None:
    assert list(links(document)) == ["rules.md", "img/p.svg"]


@pytest.mark.parametrize(
    ("said", "shown", "same"),
    [
        ("fine\n", ["fine"], True),
        ("fine\n", ["fine", ""], True),
        ("fine\n", ["bad"], False),
        ("took 1.23 s\n", ["took 0.8 s"], True),
        ("用时 12 秒\n", ["用时 3.5 秒"], True),
        ("17 items\n", ["18 items"], False),
        ("17 servers\n", ["18 servers"], False),
        ("plan 0123456789ab made\n", ["plan ba9876543210 made"], True),
        ("a\nb\nc\nd\n", ["a", "...", "d"], True),
        ("a\nd\n", ["a", "...", "d"], False),
        ("a\nb\nc\n", ["a", "...", "d"], False),
        ("a.b\n", ["axb"], False),
    ],
)
def test_output_is_compared_up_to_times_hashes_and_gaps(said: str, shown: list[str], same: bool) -> None:  # noqa: FBT001 - a table
    assert alike(said, shown) is same
