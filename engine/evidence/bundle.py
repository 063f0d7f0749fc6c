"""Contents + a signer → the bytes of a signed bundle, and back: what verify accepts."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from importlib import resources
from typing import Any, NamedTuple

from assay.engine.evidence import archive, attestation
from assay.engine.evidence.archive import tampered
from assay.engine.evidence.keys import PublicKey, Signer

SCHEMA = "assay/evidence/1"
README = "README.md"
MANIFEST = "manifest.json"
FINDINGS = "findings.json"
POPULATION = "population.jsonl"
SUMS = "SHA256SUMS"
SIGNATURE = "SHA256SUMS.sig"
ATTESTATION = "attestation.sigstore.json"
REQUIRED = (README, MANIFEST, FINDINGS, POPULATION, SUMS, SIGNATURE, ATTESTATION)


class Opened(NamedTuple):
    """A bundle's files by name, its manifest, and the SHA-256 of the manifest."""

    files: Mapping[str, bytes]
    manifest: Mapping[str, Any]
    digest: str


def document(value: Any) -> bytes:
    """A JSON file of a bundle: sorted keys, one more line at its end."""
    return (json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def build(
    contents: Mapping[str, bytes],
    manifest: Mapping[str, Any],
    predicate: Mapping[str, Any],
    signer: Signer,
    compressed: bool,
) -> bytes:
    """The archive: contents, README, manifest, attestation, sums, and the signature over them."""
    files = dict(contents)
    files[README] = readme(manifest)
    files[MANIFEST] = document(manifest)
    files[ATTESTATION] = attestation.write(files, predicate, signer)
    files[SUMS] = sums(files)
    files[SIGNATURE] = signer.sign(files[SUMS])
    return archive.write(files, compressed)


def sums(files: Mapping[str, bytes]) -> bytes:
    """The lines that `sha256sum --check` reads, sorted by name."""
    names = sorted(files, key=str.encode)
    return "".join(
        f"{hashlib.sha256(files[name]).hexdigest()}  {name}\n" for name in names
    ).encode()


def open_(data: bytes) -> Opened:
    """The files of a bundle whose sums are right; its signature is not looked at.

    Raises InputError where a file was changed, removed, added or renamed.
    """
    files = archive.read(data)
    for name in REQUIRED:
        if name not in files:
            raise tampered(f"`{name}` is missing")
    told = _told(files[SUMS])
    held = files.keys() - {SUMS, SIGNATURE}
    for name in sorted(told.keys() - held):
        raise tampered(f"`{name}` is missing")
    for name in sorted(held - told.keys()):
        raise tampered(f"`{name}` was added")
    for name in sorted(held):
        if hashlib.sha256(files[name]).hexdigest() != told[name]:
            raise tampered(f"`{name}` was changed")
    try:
        manifest = json.loads(files[MANIFEST])
        schema = manifest["schema"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise tampered("the manifest cannot be read") from None
    if schema != SCHEMA:
        raise tampered(f"the manifest is not of schema {SCHEMA}: this version cannot judge it")
    return Opened(files, manifest, hashlib.sha256(files[MANIFEST]).hexdigest())


def verify(data: bytes, key: PublicKey) -> Opened:
    """The bundle, if the key signed it and nothing was changed since. Raises InputError."""
    files = archive.read(data)
    if SUMS not in files or SIGNATURE not in files:
        raise tampered(f"`{SUMS if SUMS not in files else SIGNATURE}` is missing")
    if not key.accepts(files[SUMS], files[SIGNATURE]):
        raise tampered(
            "the signature does not fit: another key signed it, or the sums were changed"
        )
    opened = open_(data)
    spoken = opened.files.keys() - {SUMS, SIGNATURE, ATTESTATION}
    attestation.check(opened.files[ATTESTATION], {n: opened.files[n] for n in spoken}, key)
    return opened


def follows(before: Opened, after: Opened) -> None:
    """Raises InputError unless one bundle is the next after the other: no run was dropped."""
    if after.manifest["previous"] != before.digest:
        raise tampered("it does not name the bundle before it: a run is missing or out of order")
    times = [datetime.fromisoformat(each.manifest["at"]) for each in (before, after)]
    if not times[0] < times[1]:
        raise tampered("it is not later than the bundle before it")


def _told(data: bytes) -> dict[str, str]:
    """The lines of SHA256SUMS: name → digest, sorted and each name once."""
    told: dict[str, str] = {}
    try:
        lines = data.decode("ascii").split("\n")
    except UnicodeDecodeError:
        raise tampered(f"{SUMS} cannot be read") from None
    for line in lines[:-1]:
        digest, name = line[:64], line[66:]
        if line[64:66] != "  " or set(digest) - set("0123456789abcdef") or name in told:
            raise tampered(f"{SUMS} cannot be read")
        told[name] = digest
    if lines[-1] or list(told) != sorted(told):
        raise tampered(f"{SUMS} cannot be read")
    return told


def readme(manifest: Mapping[str, Any]) -> bytes:
    """What stands in the bundle for the person who opens it."""
    template = (resources.files("assay.engine.evidence") / "readme.txt").read_text("utf-8")
    counts = ", ".join(f"{number} {name}" for name, number in manifest["counts"].items())
    words = {
        "@AT@": manifest["at"],
        "@SCOPE@": ", ".join(manifest["scope"]["inputs"]) or "no files",
        "@TOOL@": manifest["tool"]["version"],
        "@CATALOGUE@": manifest["catalogue"]["digest"],
        "@COUNTS@": counts.replace("_", " "),
        "@KEY@": manifest["key"] or "not stated",
        "@LIMITS@": _limits(manifest),
    }
    for word, text in words.items():
        template = template.replace(word, _inert(text))
    return template.encode()


def _limits(manifest: Mapping[str, Any]) -> str:
    found = ""
    if manifest["incomplete"]:
        found = "**This evidence is incomplete, and was signed all the same.** Not covered:\n\n"
        found += _rows(manifest["incomplete"])
    if manifest["allowed"]:
        found += "\n" if found else ""
        found += "Left out, each allowed by name when this was made:\n\n"
        found += _rows(manifest["allowed"])
    return found or "Everything that should have been read was read.\n"


def _rows(reasons: Sequence[Mapping[str, str]]) -> str:
    return "".join(f"- {each['reason']}: {each['subject']}\n" for each in reasons)


def _inert(text: str) -> str:
    """Text that may hold a hostile name, with nothing that Markdown or a terminal obeys."""
    return "".join(
        char if char == "\n" or (char.isprintable() and char not in "<>[]`|") else "?"
        for char in text
    )
