"""The rules of STYLE.md that no checker of the market knows, over every tracked Python file."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

from tools.environment import ROOT
from tools.tree import tracked

LINES, FUNCTION_LINES, PARAMETERS = 400, 60, 6
# Typer reads a command's options from its parameters, so there is one for each option.
COMMANDS = "cli/yunjin_cli/"
# A migration is a list of tables, and is never touched again.
MIGRATIONS = "controller/yunjin/store/migrations/versions/"

Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def python() -> dict[str, ast.Module]:
    """Every file; read by the first rule, not by whoever collects tests."""
    return {
        name: ast.parse((ROOT / name).read_text("utf-8"))
        for name in tracked(ROOT)
        if name.endswith(".py") and "/_data/" not in name
    }


def shipped() -> dict[str, ast.Module]:
    """Those that run at the city's."""
    return {name: tree for name, tree in python().items() if not name.startswith(("tests/", "benchmarks/"))}


def functions(files: dict[str, ast.Module], *but: str) -> dict[str, Function]:
    """Every function, called `path:line name`."""
    return {
        f"{file}:{node.lineno} {node.name}": node
        for file, tree in files.items()
        if not file.startswith(but)
        for node in ast.walk(tree)
        if isinstance(node, Function)
    }


def parameters(function: Function) -> int:
    """How many a caller may give; `self` and `cls` are not given."""
    given = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    return len([argument for argument in given if argument.arg not in {"self", "cls"}])


def over(limit: int, measured: dict[str, int]) -> dict[str, int]:
    return {name: figure for name, figure in measured.items() if figure > limit}


def test_a_file_can_be_read_in_one_go() -> None:
    assert over(LINES, {name: len((ROOT / name).read_text("utf-8").splitlines()) for name in python()}) == {}


def test_a_function_can_be_taken_in_at_once() -> None:
    lengths = {
        name: (function.end_lineno or 0) - function.lineno + 1
        for name, function in functions(python(), MIGRATIONS).items()
    }
    assert over(FUNCTION_LINES, lengths) == {}


def test_a_function_takes_six_parameters_at_most() -> None:
    counts = {name: parameters(function) for name, function in functions(shipped(), COMMANDS).items()}
    assert over(PARAMETERS, counts) == {}


def test_a_module_says_who_calls_it_and_what_it_promises() -> None:
    assert [name for name, tree in shipped().items() if tree.body and not ast.get_docstring(tree)] == []


def test_there_is_no_drawer_for_odds_and_ends() -> None:
    drawers = {"utils", "util", "helpers", "helper", "common", "misc"}
    assert [name for name in python() if drawers & {Path(part).stem for part in name.split("/")}] == []


def test_no_registry_is_named() -> None:
    """Pins hold on any mirror: a file that names a registry's address binds the project to it."""
    hosts = ("pypi" + ".org", "pythonhosted" + ".org", "proxy.golang" + ".org", "registry.npmjs" + ".org")
    named = {
        (name, host)
        for name in tracked(ROOT)
        if not (ROOT / name).is_symlink()
        for host in hosts
        if host.encode() in (ROOT / name).read_bytes()
    }
    assert named == set()
