"""Entry point `yunjin`: every command, put together."""

from __future__ import annotations

import typer

from yunjin_cli.commands import controller, credentials, demo, drift, estate, imports, spine
from yunjin_cli.session import said

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help=said(
        "云锦: 把各部门已有的服务器并成一个云中心, 给每个单位一份硬配额",
        "Yunjin: one cloud centre from the servers departments own, a hard quota for each of them",
    ),
)
spine.register(app)
demo.register(app)
app.add_typer(drift.drift, name="drift")
app.add_typer(imports.imports, name="import")
app.add_typer(controller.controller, name="controller")
estate.tenants.add_typer(credentials.credential, name="credential")
app.add_typer(estate.tenants, name="tenant")
app.add_typer(estate.elements, name="element")
app.add_typer(estate.bureaus, name="bureau")


def main() -> None:
    """Run the command line."""
    app()
