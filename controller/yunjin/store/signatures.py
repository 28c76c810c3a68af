"""Ed25519 signatures over documents that leave the state, and their verification.

Used by the command line for exports of the ledger. The only module that imports cryptography. Keys are files
in PEM, as `openssl genpkey -algorithm ed25519` writes them, named by `env:NAME` or `file:PATH`. Promises that
the same key over the same text gives the same bytes, and that nothing of a private key is in an error.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from yunjin.errors import RefusalError, Text, UsageError, reason_of

if TYPE_CHECKING:
    from collections.abc import Mapping

ALGORITHM: Final = "ed25519"
_LONGEST: Final = 1 << 16


def sign(text: str, reference: str) -> dict[str, str]:
    """A signature.

    Args:
        text: what is signed.
        reference: of the private key: `env:NAME`, a variable with the path of its file, or `file:PATH`.

    Raises:
        UsageError: there is no such key.
    """
    kind, _, rest = reference.partition(":")
    path = os.environ.get(rest, "") if kind == "env" else rest
    if kind not in {"env", "file"} or not path:
        raise UsageError(
            Text("签名密钥的引用有误或未设置", "the reference of the signing key leads nowhere"),
            Text("写 env:变量名 或 file:路径", "write env:NAME or file:PATH"),
        )
    try:
        key = load_pem_private_key(_content(Path(path)), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise _no_key(Path(path)) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise _no_key(Path(path))
    value = base64.b64encode(key.sign(text.encode())).decode()
    return {"algorithm": ALGORITHM, "key": _fingerprint(key.public_key()), "value": value}


def verify(text: str, signature: Mapping[str, object] | None, key_file: Path) -> None:
    """That whoever holds the private key of a public one signed the text.

    Raises:
        RefusalError: nobody did, or somebody else.
        UsageError: there is no such public key.
    """
    try:
        key = load_pem_public_key(_content(key_file))
    except (ValueError, UnsupportedAlgorithm):
        raise _no_key(key_file) from None
    if not isinstance(key, Ed25519PublicKey):
        raise _no_key(key_file)
    if not signature:
        raise RefusalError(
            Text("该文件没有签名", "the document is not signed"),
            Text("用 --sign 重新导出", "export it again with --sign"),
        )
    try:
        key.verify(base64.b64decode(str(signature.get("value")), validate=True), text.encode())
    except (InvalidSignature, binascii.Error):
        raise RefusalError(
            Text("签名与密钥不符", "the signature is not of this key"),
            Text("核对文件来源和公钥", "find out where the document comes from, and check the key"),
        ) from None


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_LONGEST)
    except OSError as error:
        reason = reason_of(error)
        raise UsageError(
            Text(f"无法读取密钥文件 {path}: {reason.zh}", f"cannot read the key {path}: {reason.en}"),
            Text("检查路径和权限", "check the path and its permissions"),
        ) from error


def _no_key(path: Path) -> UsageError:
    return UsageError(
        Text(f"{path} 不是 Ed25519 密钥(PEM)", f"{path} is no Ed25519 key in PEM"),
        Text(
            "用 openssl genpkey -algorithm ed25519 生成", "make one with `openssl genpkey -algorithm ed25519`"
        ),
    )


def _fingerprint(key: Ed25519PublicKey) -> str:
    raw = key.public_bytes(Encoding.Raw, PublicFormat.Raw)
    return hashlib.sha256(raw).hexdigest()[:16]
