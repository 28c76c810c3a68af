"""Entry point `yunjin`: every command, put together."""

from __future__ import annotations

import sys

import typer
from typer.main import get_command

from yunjin.errors import PermanentError, Text
from yunjin_cli import streams
from yunjin_cli.commands import (
    allot,
    audit,
    backup,
    bureau,
    clocks,
    contribution,
    controller,
    credentials,
    demo,
    doctor,
    drift,
    estate,
    grant,
    imports,
    ledger,
    ledger_export,
    move_quota,
    spine,
    supply,
)
from yunjin_cli.output import show_error
from yunjin_cli.session import Output
from yunjin_cli.speech import asked_for, group, help_lang, wrong_call

app = group(
    "云锦: 把各部门已有的服务器并成一个云中心, 给每个单位一份硬配额",
    "Yunjin: one cloud centre from the servers departments own, a hard quota for each of them",
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
spine.register(app)
demo.register(app)
doctor.register(app)
clocks.register(app)
app.add_typer(drift.drift, name="drift")
app.add_typer(imports.imports, name="import")
app.add_typer(controller.controller, name="controller")
app.add_typer(grant.grant, name="grant")
allot.register(app)
ledger_export.register(ledger.ledger)
app.add_typer(ledger.ledger, name="ledger")
app.add_typer(audit.audit, name="audit")
backup.register(app)
app.add_typer(supply.supply, name="supply")
app.add_typer(contribution.contribution, name="contribution")
move_quota.register(estate.tenants)
estate.tenants.add_typer(credentials.credential, name="credential")
app.add_typer(estate.tenants, name="tenant")
app.add_typer(estate.elements, name="element")
app.add_typer(bureau.bureau, name="bureau")


def main() -> None:
    """Run the command line and exit with its code."""
    streams.prepare()
    asked = asked_for("--output", "-o")
    form = Output.JSON if asked in {Output.JSON, Output.YAML} else Output.TABLE
    try:
        with streams.written_out():
            code = get_command(app)(prog_name="yunjin", standalone_mode=False)
    except typer.Abort:
        typer.echo(Text("已取消", "cancelled").of(help_lang()), err=True)
        code = 1
    except typer.TyperException as error:
        wrong = wrong_call(error)
        show_error(wrong, help_lang(), form)
        code = wrong.exit_code
    except BrokenPipeError:
        code = 1
    except PermanentError as error:
        show_error(error, help_lang(), form)
        code = error.exit_code
    sys.exit(code)
