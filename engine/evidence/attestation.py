"""An in-toto statement in a DSSE envelope in a Sigstore bundle: what public verifiers accept."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from assay.engine.evidence.archive import tampered
from assay.engine.evidence.keys import PublicKey, Signer

MEDIA = "application/vnd.dev.sigstore.bundle.v0.3+json"
PAYLOAD = "application/vnd.in-toto+json"
STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://in-toto.io/attestation/test-result/v0.1"


def write(files: Mapping[str, bytes], predicate: Mapping[str, Any], signer: Signer) -> bytes:
    """The Sigstore bundle that says of each file that the tests of the predicate were made."""
    statement = {
        "_type": STATEMENT,
        "subject": [
            {"name": name, "digest": {"sha256": hashlib.sha256(files[name]).hexdigest()}}
            for name in sorted(files)
        ],
        "predicateType": PREDICATE,
        "predicate": predicate,
    }
    payload = json.dumps(statement, sort_keys=True, separators=(",", ":")).encode()
    signature = signer.sign(_signed(PAYLOAD, payload))
    bundle = {
        "mediaType": MEDIA,
        "verificationMaterial": {"publicKey": {"hint": signer.key}, "tlogEntries": []},
        "dsseEnvelope": {
            "payload": base64.b64encode(payload).decode(),
            "payloadType": PAYLOAD,
            "signatures": [{"sig": base64.b64encode(signature).decode(), "keyid": ""}],
        },
    }
    return (json.dumps(bundle, indent=1) + "\n").encode()


def check(data: bytes, files: Mapping[str, bytes], key: PublicKey) -> None:
    """Raises InputError unless the key signed it and it speaks of exactly these files."""
    try:
        envelope = json.loads(data)["dsseEnvelope"]
        payload = base64.b64decode(envelope["payload"], validate=True)
        (signed,) = envelope["signatures"]
        signature = base64.b64decode(signed["sig"], validate=True)
        statement = json.loads(payload)
        told = {each["name"]: each["digest"]["sha256"] for each in statement["subject"]}
        kind = envelope["payloadType"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise tampered("the attestation cannot be read") from None
    if kind != PAYLOAD or not key.accepts(_signed(kind, payload), signature):
        raise tampered("the attestation is not signed with this key")
    if told != {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}:
        raise tampered("the attestation speaks of other files")


def _signed(kind: str, payload: bytes) -> bytes:
    """DSSE's pre-authentication encoding: what is signed."""
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind.encode(), len(payload), payload)
