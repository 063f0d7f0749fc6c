"""ECDSA P-256 keys: who signs (a local key or a command of the user's), and who checks.

Signatures are DER over SHA-256, as `openssl dgst -sha256 -verify` takes them. With a local key they
are deterministic (RFC 6979): the same message has the same signature.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import shlex
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from assay.engine.errors import InputError, Problem, printable, usage

KEY_VARIABLE = "ASSAY_EVIDENCE_KEY"  # holds a private key, PEM
PASSPHRASE_VARIABLE = "ASSAY_EVIDENCE_PASSPHRASE"  # noqa: S105 - the name of a variable
MAX_KEY = 64 * 1024  # bytes
COMMAND_SECONDS = 120
DER = 0x30
Sign = Callable[[bytes], bytes]


class Signer(NamedTuple):
    """`sign` gives the DER signature of a message; `key` is the public key's fingerprint or ""."""

    sign: Sign
    key: str


class PublicKey(NamedTuple):
    """A P-256 key to check signatures with; `fingerprint` is the SHA-256 of its DER form."""

    held: Any
    fingerprint: str

    def accepts(self, message: bytes, signature: bytes) -> bool:
        """Whether the signature over the message was made with this key's private half."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec

        try:
            self.held.verify(signature, message, ec.ECDSA(hashes.SHA256()))
        except InvalidSignature:
            return False
        return True


def signer(
    key: str | None, command: str | None, public: str | None, environment: Mapping[str, str]
) -> Signer:
    """Who signs: a key file, a command, else the key in ASSAY_EVIDENCE_KEY.

    Nothing is ever generated. Raises InputError where there is no usable key.
    """
    _needs_cryptography()
    if key and command:
        raise usage("give --key or --sign-command, not both")
    if command:
        return _by_command(command, read_public(public) if public else None)
    if key:
        pem = _file(key, "private key")
    elif environment.get(KEY_VARIABLE):
        pem = environment[KEY_VARIABLE].encode()
    else:
        help = f"give --key FILE or --sign-command COMMAND, or set {KEY_VARIABLE}"
        raise usage("there is no key to sign with", help, "evidence-key")
    return _local(pem, environment.get(PASSPHRASE_VARIABLE))


def read_public(path: str) -> PublicKey:
    """The public key in a PEM file. Raises InputError for anything but a P-256 public key."""
    _needs_cryptography()
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    pem = _file(path, "public key")
    if b"PRIVATE KEY" in pem:
        help = "`openssl pkey -in KEY -pubout` writes the public half"
        raise usage("that is a private key; give the public one", help, "evidence-key")
    try:
        held = load_pem_public_key(pem)
    except Exception as error:
        raise _no_key("public", error) from None
    if not isinstance(held, ec.EllipticCurvePublicKey) or held.curve.name != "secp256r1":
        raise _no_key("public", None)
    return PublicKey(held, _fingerprint(held))


def _local(pem: bytes, passphrase: str | None) -> Signer:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        held = load_pem_private_key(pem, passphrase.encode() if passphrase else None)
    except Exception as error:
        if passphrase is None and isinstance(error, TypeError):
            help = f"set {PASSPHRASE_VARIABLE}"
            raise usage("the private key is encrypted", help, "evidence-key") from None
        raise _no_key("private", error) from None
    if not isinstance(held, ec.EllipticCurvePrivateKey) or held.curve.name != "secp256r1":
        raise _no_key("private", None)
    how = ec.ECDSA(hashes.SHA256(), deterministic_signing=True)
    return Signer(lambda message: held.sign(message, how), _fingerprint(held.public_key()))


def _by_command(command: str, public: PublicKey | None) -> Signer:
    words = shlex.split(command)
    if not words:
        raise usage("--sign-command is empty")

    def sign(message: bytes) -> bytes:
        try:
            ran = subprocess.run(  # noqa: S603 - the user's own words, no shell
                words, input=message, capture_output=True, timeout=COMMAND_SECONDS, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise _failed(printable(str(error))) from None
        if ran.returncode:
            said = printable(ran.stderr.decode(errors="replace").strip()[-300:])
            raise _failed(f"exit code {ran.returncode}: {said}")
        signature = _der(ran.stdout)
        if public is not None and not public.accepts(message, signature):
            raise _failed("its signature does not fit the public key given")
        return signature

    return Signer(sign, public.fingerprint if public else "")


def _der(out: bytes) -> bytes:
    """A signature as bytes, from DER or from base64 of it."""
    found = out
    if out[:1] != bytes([DER]):
        try:
            found = base64.b64decode(b"".join(out.split()), validate=True)
        except binascii.Error:
            found = b""
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

    try:
        decode_dss_signature(found)
    except ValueError:
        message = "it printed no ECDSA signature (DER, or base64 of it)"
        raise _failed(message) from None
    return found


def _failed(reason: str) -> InputError:
    help = "the command gets the message on stdin and writes the signature to stdout"
    return usage(f"the signing command failed: {reason}", help, "evidence-sign")


def _fingerprint(public: Any) -> str:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(der).hexdigest()


def _file(path: str, what: str) -> bytes:
    try:
        with Path(path).open("rb") as stream:
            return stream.read(MAX_KEY)
    except OSError as error:
        shown = printable(os.path.basename(path))  # noqa: PTH119
        message = f"the {what} {shown} cannot be read: {error.strerror}"
        raise InputError(Problem("path-not-found", message)) from None


def _no_key(what: str, error: Exception | None) -> InputError:
    reason = f": {type(error).__name__}" if error else ""
    help = "make one with `openssl ecparam -name prime256v1 -genkey -noout -out key.pem`"
    if what == "public":
        help = "`openssl pkey -in key.pem -pubout -out public.pem` writes one"
    message = f"this is no {what} ECDSA P-256 key in PEM form{reason}"
    return usage(message, help, "evidence-key")


def _needs_cryptography() -> None:
    from importlib.util import find_spec

    if find_spec("cryptography") is None:
        help = "install it: pip install 'assay-policy[evidence]'"
        raise usage("signatures need the package `cryptography`", help, "extra-missing")
