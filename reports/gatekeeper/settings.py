"""What the user chose for an export, and the marks that every exported object bears."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from assay.engine.catalogue.controls import Check, Control

ENFORCEMENT = ("deny", "warn", "dryrun")
ACTIONS = ("Deny", "Warn", "Audit")
FAILURE = ("Fail", "Ignore")
PARAM_KINDS = ("configmap", "crd", "none")
PARAM_GROUP = "params.assay"  # of the CRD, where parameters are objects of their own kind
CONTROL = "assay/control"
CHECK = "assay/check"
DIGEST = "assay/digest"
VERSION = "assay/version"
FRAMEWORKS = "assay/frameworks"
KUBE_VERSION = "assay/minimum-kubernetes-version"
MANAGER = "app.kubernetes.io/managed-by"


class Settings(NamedTuple):
    """The choices of one export.

    params        control → parameter → value, defaults filled in
    kube_version  the oldest server that must take what is exported; None: any that has policies
    """

    version: str
    params: Mapping[str, Mapping[str, Any]]
    kube_version: tuple[int, int] | None = None
    enforcement: str = "deny"
    excluded_namespaces: tuple[str, ...] = ()
    validation_actions: tuple[str, ...] = ("Deny",)
    failure_policy: str = "Fail"
    param_kind: str = "configmap"
    param_namespace: str = "kube-system"
    expansion: bool = False


def digest(spec: Any) -> str:
    """SHA-256 of what an object demands, hexadecimal: equal rules, equal digest."""
    text = json.dumps(spec, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def metadata(
    name: str, control: Control, check: Check, spec: Any, settings: Settings, **more: str
) -> dict[str, Any]:
    """Name, labels and annotations of an exported object."""
    frameworks = [f"{each.framework}/{each.requirement}" for each in control.frameworks]
    annotations = {
        CHECK: check.id,
        DIGEST: digest(spec),
        FRAMEWORKS: " ".join(sorted(frameworks)),
        VERSION: settings.version,
        **more,
    }
    return {
        "name": name,
        "labels": {MANAGER: "assay", CONTROL: control.id},
        "annotations": {key: value for key, value in sorted(annotations.items()) if value},
    }
