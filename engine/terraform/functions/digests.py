"""Digests, and the functions whose result changes with every run."""

from __future__ import annotations

import base64
import hashlib
import uuid
from collections.abc import Callable

from assay.engine.terraform.functions.signature import (
    Function,
    FunctionError,
    number_parameter,
    of_strings,
    text_parameter,
)
from assay.engine.terraform.types import STRING
from assay.engine.terraform.values import Value, string, unknown

_NAMESPACES = {
    "dns": uuid.NAMESPACE_DNS,
    "url": uuid.NAMESPACE_URL,
    "oid": uuid.NAMESPACE_OID,
    "x500": uuid.NAMESPACE_X500,
}


def _digest(algorithm: str, encode: Callable[[bytes], str]) -> Function:
    return of_strings(
        lambda text: encode(hashlib.new(algorithm, text.encode(), usedforsecurity=False).digest()),
        "str",
    )


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def uuidv5(namespace: str, name: str) -> str:
    space = _NAMESPACES.get(namespace)
    if space is None:
        try:
            space = uuid.UUID(namespace)
        except ValueError:
            raise FunctionError(f"doesn't support namespace {namespace}") from None
    return str(uuid.uuid5(space, name))


def impure(name: str) -> Callable[[list[Value]], Value]:
    """A function that gives another result every time: it is known at apply."""

    def run(values: list[Value]) -> Value:  # noqa: ARG001
        return unknown(STRING, "apply", f"{name}()", not_null=True)

    return run


def rsadecrypt(values: list[Value]) -> Value:
    """The text behind an RSA PKCS #1 v1.5 ciphertext, where the library for it is installed."""
    try:
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
        from cryptography.hazmat.primitives.serialization import (
            load_pem_private_key,
            load_ssh_private_key,
        )
    except ImportError:
        return unknown(STRING, "variable", "rsadecrypt()", not_null=True)
    try:
        data = base64.b64decode(values[0].v, validate=True)
    except ValueError:
        raise FunctionError("failed to decode input: cipher text must be base64-encoded") from None
    pem = values[1].v.encode()
    load = load_ssh_private_key if b"OPENSSH" in pem else load_pem_private_key
    try:
        key = load(pem, password=None)
    except (ValueError, TypeError) as error:
        raise FunctionError(f"failed to parse key: {error}") from None
    if not isinstance(key, RSAPrivateKey):
        raise FunctionError("invalid private key: not an RSA key")
    try:
        return string(key.decrypt(data, PKCS1v15()).decode())
    except ValueError as error:
        raise FunctionError(f"failed to decrypt: {error}") from None


FUNCTIONS: dict[str, Function] = {
    "md5": _digest("md5", bytes.hex),
    "sha1": _digest("sha1", bytes.hex),
    "sha256": _digest("sha256", bytes.hex),
    "sha512": _digest("sha512", bytes.hex),
    "base64sha256": _digest("sha256", _base64),
    "base64sha512": _digest("sha512", _base64),
    "uuidv5": of_strings(uuidv5, "namespace", "name"),
    "bcrypt": Function(impure("bcrypt"), [text_parameter("str")], STRING, number_parameter("cost")),
    "uuid": Function(impure("uuid"), [], STRING),
    "timestamp": Function(impure("timestamp"), [], STRING),
    "plantimestamp": Function(impure("plantimestamp"), [], STRING),
    "rsadecrypt": Function(
        rsadecrypt, [text_parameter("ciphertext"), text_parameter("privatekey")], STRING
    ),
}
