"""The whole catalogue → what admission can enforce, and what it cannot, with the reason."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from assay.engine.admission.convert import Policy, Refusal, RefusedError, concerns, convert
from assay.engine.catalogue.controls import Catalogue, Check, Control

Relational = Callable[[Control, Check], Any]


class Collected(NamedTuple):
    """The policies in catalogue order, the relations that a caller could say, and the rest."""

    policies: tuple[Policy, ...]
    relations: tuple[Any, ...]
    refusals: tuple[Refusal, ...]


def collect(
    catalogue: Catalogue,
    chosen: frozenset[str] = frozenset(),
    subject: str = "object",
    kube_version: tuple[int, int] | None = None,
    relational: Relational | None = None,
    audited: bool = False,
) -> Collected:
    """Every Kubernetes check of the chosen controls, or of all.

    `relational` is asked for checks that join objects; it may raise RefusedError too. `audited`
    says that the policies are asked of what exists as well, not by an API server alone.
    """
    policies: list[Policy] = []
    relations: list[Any] = []
    refusals: list[Refusal] = []
    for control in catalogue.controls:
        if chosen and control.id not in chosen:
            continue
        for check in control.checks:
            if not concerns(check, catalogue):
                continue
            try:
                if check.related and relational is not None:
                    relations.append(relational(control, check))
                    continue
                found = convert(control, check, catalogue, subject)
                _served(found, kube_version)
                if not audited:
                    _asked(found)
                policies.append(found)
            except RefusedError as refused:
                refusals.append(Refusal(control.id, check.id, str(refused)))
    return Collected(tuple(policies), tuple(relations), tuple(refusals))


def _served(policy: Policy, wanted: tuple[int, int] | None) -> None:
    if wanted is not None and policy.kube_version > wanted:
        needs = ".".join(map(str, policy.kube_version))
        raise RefusedError(f"needs Kubernetes {needs}")


def _asked(policy: Policy) -> None:
    """An API server asks no policy about the objects that configure admission itself.

    Source: https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/
    """
    if all(target.group == "admissionregistration.k8s.io" for target in policy.targets):
        raise RefusedError("judges what configures admission, of which an API server asks nobody")
