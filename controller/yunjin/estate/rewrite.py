"""Changes of declared files that keep their comments, order and quotation marks.

Called by the import of what already runs, by the adoption of drift and by `bodies`; calls the loader, and
ruamel.yaml for the round trip. Promises that files are replaced whole or not at all, that the folder loads
after each change, and that nobody else's edit is overwritten.
"""

from __future__ import annotations

import difflib
import fcntl
import io
import os
import secrets
import stat
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import YAMLError
from ruamel.yaml.scalarstring import ScalarString

from yunjin.errors import ConflictError, PermanentError, Text, UsageError, reason_of
from yunjin.estate.diagnostics import Diagnostics
from yunjin.estate.loader import load
from yunjin.estate.nodes import parse
from yunjin.estate.trees import append, text_of, tree_of, written, yaml_writer
from yunjin.model.amounts import Amounts
from yunjin.model.amounts import parse as parse_amount
from yunjin.model.tenants import BaselineRow

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import date
    from pathlib import Path

    from ruamel.yaml import YAML

    from yunjin.model.estate import Estate
    from yunjin.model.tenants import Imported, Role, Tenant

BASELINE: Final = "baseline.yaml"


def set_allotted(folder: Path, leaf_node: str, pool: str, amounts: Amounts) -> None:
    """Give a leaf's baseline row other figures. Raises as `Revision.set_allotted` and `Revision.save` do."""
    revision = Revision(folder)
    revision.set_allotted(leaf_node, pool, amounts)
    revision.save()


def add_tenant(folder: Path, tenant: Tenant) -> None:
    """Declare a tenant in a file of its own. Raises as `Revision.add_tenant` and `Revision.save` do."""
    revision = Revision(folder)
    revision.add_tenant(tenant)
    revision.save()


def add_baseline_row(folder: Path, row: BaselineRow) -> None:
    """Add a row to the baseline. Raises as `Revision.add_baseline_row` and `Revision.save` do."""
    revision = Revision(folder)
    revision.add_baseline_row(row)
    revision.save()


def add_without(folder: Path, tenant: str, leaf_node: str, role: Role, since: date, reason: str) -> None:
    """List an object that an imported leaf goes without. Raises as `Revision.add_without` and `save` do."""
    revision = Revision(folder)
    revision.add_without(tenant, leaf_node, role, since, reason)
    revision.save()


@dataclass(slots=True)
class _Document:
    """A file in work: its content when it was read (None for a new one), the tree, and how it is written."""

    before: bytes | None
    tree: Any
    writer: YAML
    header: str = ""

    def content(self) -> bytes:
        stream = io.StringIO(self.header)
        stream.seek(0, io.SEEK_END)
        self.writer.dump(self.tree, stream)
        return stream.getvalue().encode()


class Revision:
    """Several changes that are tried and saved together.

    Nothing is written before `save`. Tenants are written before the baseline, and a folder loads with the new
    tenants alone, so that a run that is killed between two files leaves a folder that loads.
    """

    def __init__(self, folder: Path) -> None:
        """Start from the folder as it is.

        Raises:
            DeclaredErrors: it does not load; mend it first.
        """
        self._folder = folder
        self._estate = load(folder)
        self._documents: dict[str, _Document] = {}

    def set_allotted(self, leaf_node: str, pool: str, amounts: Amounts) -> None:
        """Give a leaf's baseline row other figures; those that stay the same keep their spelling.

        Raises:
            UsageError: the baseline has no such row.
            ConflictError: the file changed since it was loaded.
        """
        row = self._find(BASELINE, {"node": leaf_node, "pool": pool})
        if row is None or not leaf_node.startswith("leaf/"):
            raise UsageError(
                Text(
                    f"基线中没有 {leaf_node} 在 {pool} 的行",
                    f"the baseline has no row of {leaf_node} in {pool}",
                ),
                Text("先添加这一行", "add the row first"),
            )
        figures = row["allotted"]
        for dimension in [name for name in figures if name not in amounts]:
            del figures[dimension]
        for dimension, value in amounts.items():
            old = figures.get(dimension)
            if old is None or parse_amount(dimension, old) != value:
                new = written(amounts)[dimension]
                figures[dimension] = type(old)(str(new)) if isinstance(old, ScalarString) else new

    def add_tenant(self, tenant: Tenant) -> None:
        """Declare a tenant in a file of its own.

        Raises:
            ConflictError: there is one of that id.
        """
        name = f"{tenant.id}.yaml"
        if name in self._documents or os.path.lexists(self._folder / name):
            raise ConflictError(
                Text(f"{tenant.id} 已经申报", f"{tenant.id} is declared already"),
                Text("换一个 id, 或修改已有的文件", "choose another id, or edit the file there is"),
            )
        tree = CommentedMap(kind="tenant", items=CommentedSeq([tree_of(tenant)]))
        header = (
            f"# 用云单位 {tenant.id}: 由 yunjin 写入, 可以编辑, 注释会保留\n"
            f"# Tenant {tenant.id}: written by yunjin; edit it freely, comments are kept\n"
        )
        self._documents[name] = _Document(None, tree, yaml_writer(2), header)

    def add_baseline_row(self, row: BaselineRow) -> None:
        """Add a row at the end of the baseline.

        Raises:
            ConflictError: node and pool have a row, or the file changed since it was loaded.
        """
        if self._find(BASELINE, {"node": row.node, "pool": row.pool}) is not None:
            raise ConflictError(
                Text(f"基线中已有 {row.key} 的行", f"the baseline has a row of {row.key} already"),
                Text("改用修改", "change that row instead"),
            )
        append(self._open(BASELINE).tree, "items", tree_of(row))

    def put_limit(self, node: str, pool: str, limit: Amounts) -> None:
        """Give an inner node this limit in a pool, in its row or in a new one.

        Raises:
            ConflictError: the file changed since it was loaded.
        """
        row = self._find(BASELINE, {"node": node, "pool": pool})
        if row is None:
            fresh = BaselineRow(node=node, pool=pool, limit=limit)
            append(self._open(BASELINE).tree, "items", tree_of(fresh))
        else:
            row["limit"] = tree_of(limit)

    def add_imported(self, tenant: str, imported: Imported) -> None:
        """Declare a namespace or project that stood before as a known tenant's.

        Raises:
            UsageError: no such tenant.
            ConflictError: the file changed since it was loaded.
        """
        item = self._find(f"{tenant}.yaml", {"id": tenant})
        if item is None:
            raise UsageError(
                Text(f"没有用云单位 {tenant}", f"there is no tenant {tenant}"),
                Text("先申报该单位", "declare the tenant first"),
            )
        append(item, "imported", tree_of(imported))

    def add_without(self, tenant: str, leaf_node: str, role: Role, since: date, reason: str) -> None:
        """List an object that an imported leaf goes without.

        Raises:
            UsageError: no such tenant, or it did not import the leaf.
            ConflictError: the object is listed already, or the file changed since it was loaded.
        """
        item = self._find(f"{tenant}.yaml", {"id": tenant})
        parts = item.get("imported", ()) if item is not None else ()
        leaf = next((part for part in parts if part["leaf"] == leaf_node), None)
        if leaf is None:
            raise UsageError(
                Text(f"{tenant} 没有导入 {leaf_node}", f"{tenant} has imported no {leaf_node}"),
                Text("检查用云单位和命名空间/项目", "check the tenant and the leaf"),
            )
        if any(part["object"] == role for part in leaf.get("without", ())):
            raise ConflictError(Text(f"{leaf_node} 已列出缺少 {role}", f"{leaf_node} lists {role} already"))
        append(leaf, "without", CommentedMap(object=role, since=since, reason=text_of(reason)))

    def items(self, name: str) -> Any:
        """Items of a declared file, as a tree that keeps comments; what is changed in it is part of this.

        Raises:
            ConflictError: there is no such file, or it changed since it was loaded.
        """
        return self._open(name).tree["items"]

    def difference(self) -> str:
        """What would change, as people review it; empty where nothing does."""
        lines: list[str] = []
        for name, document in sorted(self._documents.items()):
            before = (document.before or b"").decode().splitlines(keepends=True)
            after = document.content().decode().splitlines(keepends=True)
            lines += difflib.unified_diff(before, after, f"a/{name}", f"b/{name}")
        return "".join(lines)

    def preview(self) -> Estate:
        """The estate as it would stand. Raises DeclaredErrors where it would not load."""
        return load(self._folder, {name: document.content() for name, document in self._documents.items()})

    def save(self) -> Estate:
        """Write everything.

        Returns:
            The estate as it now stands.

        Raises:
            DeclaredErrors: the folder would not load with the changes; nothing was written.
            ConflictError: a file changed since it was read; nothing was written.
            PermanentError: the file system refused; files written before keep their change.
        """
        changed = {name: document.content() for name, document in self._documents.items()}
        with _only_writer(self._folder):
            for name, document in self._documents.items():
                if _current(self._folder / name) != document.before:
                    raise _moved(name)
            estate = load(self._folder, changed)
            for name in sorted(changed, key=lambda name: (name == BASELINE, name)):
                _replace(self._folder / name, changed[name])
        self._documents.clear()
        return estate

    def _open(self, name: str) -> _Document:
        if name not in self._documents:
            before = _current(self._folder / name)
            if before is None:
                raise _moved(name)
            root = parse(self._folder / name, before.decode("utf-8", "replace"), Diagnostics()).root
            items = root.child("items") if root else None
            block = root and items and items.line > root.locate(("items",), key=True)[0]
            writer = yaml_writer(items.column - 1 if block and items else 2)
            try:
                tree = writer.load(before)
            except YAMLError as error:
                raise _moved(name) from error
            self._documents[name] = _Document(before, tree, writer)
        return self._documents[name]

    def _find(self, name: str, keys: Mapping[str, str]) -> Any:
        """The item of a declared file that has these values; None where there is none."""
        if name not in self._documents and not os.path.lexists(self._folder / name):
            return None
        items = self._open(name).tree["items"]
        return next((item for item in items if all(item.get(k) == v for k, v in keys.items())), None)


def _current(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _refused(path, error) from error


@contextmanager
def _only_writer(folder: Path) -> Iterator[None]:
    """Keep other runs out while files are compared and replaced."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise _refused(folder, error) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _replace(path: Path, content: bytes) -> None:
    """Put the content in place of the file, or of nothing, in one step that outlives a loss of power."""
    target = path.resolve()
    draft = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
    try:
        with draft.open("xb") as file:
            if target.exists():
                os.fchmod(file.fileno(), stat.S_IMODE(target.stat().st_mode))
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(target)
        descriptor = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        with suppress(OSError):
            draft.unlink()
        raise _refused(path, error) from error


def _moved(name: str) -> ConflictError:
    return ConflictError(
        Text(f"{name} 在此期间被改动", f"{name} was changed meanwhile"), Text("重新运行", "run it again")
    )


def _refused(path: Path, error: OSError) -> PermanentError:
    reason = reason_of(error)
    return PermanentError(
        Text(f"{path}: {reason.zh}", f"{path}: {reason.en}"),
        Text("检查磁盘空间和文件权限", "check disk space and permissions"),
    )
