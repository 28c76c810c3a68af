"""Signatures: the same bytes for the same text, and nobody else's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from yunjin.errors import RefusalError, UsageError
from yunjin.store import signatures

if TYPE_CHECKING:
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes


def write(key: PrivateKeyTypes, folder: Path) -> tuple[str, Path]:
    """Reference of a private key, and the file of its public one."""
    folder.mkdir(exist_ok=True)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "private").write_bytes(private)
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (folder / "public").write_bytes(public)
    return f"file:{folder / 'private'}", folder / "public"


@pytest.fixture
def key(tmp_path: Path) -> tuple[str, Path]:
    return write(Ed25519PrivateKey.generate(), tmp_path / "mine")


def test_a_signature_is_of_one_key_and_one_text(key: tuple[str, Path], tmp_path: Path) -> None:
    private, public = key
    signature = signatures.sign("台账", private)
    _, other = write(Ed25519PrivateKey.generate(), tmp_path / "other")

    assert signature == signatures.sign("台账", private)
    signatures.verify("台账", signature, public)
    for text, made, by in (("台帐", signature, public), ("台账", signature, other)):
        with pytest.raises(RefusalError, match="not of this key"):
            signatures.verify(text, made, by)
    for nothing in (dict[str, object](), None):
        with pytest.raises(RefusalError, match="not signed"):
            signatures.verify("台账", nothing, public)
    for value in ("", "!", None, 3):
        with pytest.raises(RefusalError, match="not of this key"):
            signatures.verify("台账", {**signature, "value": value}, public)


def test_a_variable_names_the_file(key: tuple[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    private, public = key
    monkeypatch.setenv("CITY_KEY", private.removeprefix("file:"))
    signatures.verify("x", signatures.sign("x", "env:CITY_KEY"), public)


@pytest.mark.parametrize("reference", ["", "env:", "file:", "env:NOT_SET_ANYWHERE", "file:/no/where", "MIIE"])
def test_a_reference_that_leads_nowhere(reference: str) -> None:
    with pytest.raises(UsageError):
        signatures.sign("x", reference)


def test_a_key_of_another_kind(tmp_path: Path, key: tuple[str, Path]) -> None:
    private, public = write(generate_private_key(SECP256R1()), tmp_path / "other")
    (tmp_path / "text").write_text("-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n")
    for wrong in (private, f"file:{tmp_path / 'text'}", f"file:{key[1]}"):
        with pytest.raises(UsageError, match="no Ed25519 key"):
            signatures.sign("x", wrong)
    signature = signatures.sign("x", key[0])
    for path in (public, tmp_path / "text"):
        with pytest.raises(UsageError, match="no Ed25519 key"):
            signatures.verify("x", signature, path)
