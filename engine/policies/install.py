"""Policies, bindings, templates and Constraints → what is in force, and what is broken."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from assay.engine.catalogue.controls import Check, Control, Message
from assay.engine.catalogue.controls import Rules as Evaluated
from assay.engine.kubernetes import kinds
from assay.engine.model import Finding, Gap, Path, Resource, Violation, path_text
from assay.engine.policies import matching
from assay.engine.policies.documents import Documents
from assay.engine.policies.evaluate import NO_PARAMS, InForce, Params
from assay.engine.policies.matching import Asked
from assay.engine.policies.programs import BrokenError, Rules, compiled

SEVERITIES = {"Deny": "high", "deny": "high", "Warn": "medium", "warn": "medium"}
GIVEN = [
    {"name": "anyObject", "expression": "object == null ? oldObject : object"},
    {
        "name": "params",
        "expression": "!has(params.spec) ? null : "
        "!has(params.spec.parameters) ? null : params.spec.parameters",
    },
]


class Installed(NamedTuple):
    """What is in force in catalogue order, findings about what is broken, what is not evaluated."""

    policies: list[InForce]
    broken: list[Finding]
    gaps: list[Gap]
    controls: list[Control]


def install(documents: Documents, resources: Sequence[Resource]) -> Installed:
    """Everything that the documents put into force; parameters come from them and the scan."""
    installed = Installed([], [], [], [])
    parameters = _Parameters([*documents.others, *resources])
    for policy in documents.policies:
        _policy(policy, documents.bindings, parameters, installed)
    names = {_name(policy) for policy in documents.policies}
    for binding in documents.bindings:
        wanted = _spec(binding).get("policyName")
        if wanted not in names:
            _broken(
                binding, BrokenError("policy-missing", f"there is no policy `{wanted}`"), installed
            )
    for template in documents.templates:
        _template(template, documents.constraints, installed)
    known = {_kind_of(template) for template in documents.templates}
    for constraint in documents.constraints:
        kind = constraint.kind.rpartition("/")[2]
        if kind not in known:
            reason = BrokenError("policy-missing", f"there is no ConstraintTemplate for `{kind}`")
            _broken(constraint, reason, installed)
    for each in documents.mutating:
        said = "not evaluated: it changes objects, and a scan judges them as they are"
        installed.gaps.append(_gap(each, said))
    return installed


def _policy(
    policy: Resource, bindings: Sequence[Resource], parameters: _Parameters, to: Installed
) -> None:
    spec = _spec(policy)
    name = _name(policy)
    bound = [each for each in bindings if _spec(each).get("policyName") == name]
    takes = isinstance(spec.get("paramKind"), dict)
    try:
        rules = compiled(policy, spec, ("spec",), takes)
    except BrokenError as broken:
        _broken(policy, broken, to)
        return
    constraints = spec.get("matchConstraints")
    if not isinstance(constraints, dict) or not constraints.get("resourceRules"):
        reason = BrokenError("policy-shape", "`matchConstraints` names no resources", ("spec",))
        _broken(policy, reason, to)
        return
    if not bound:
        to.gaps.append(_gap(policy, "not evaluated: no binding puts it into force"))
        return
    if not matching.creates(constraints):
        said = "not evaluated: it is about no creation, and a scan asks as if objects were made"
        to.gaps.append(_gap(policy, said))
    for binding in bound:
        held = _spec(binding)
        actions = held.get("validationActions") or ["Deny"]
        control = _control(policy, name, _severity(actions))
        try:
            params = parameters.of(spec["paramKind"], held.get("paramRef")) if takes else None
            matchers = [matching.rules(constraints)]
            if isinstance(held.get("matchResources"), dict):
                matchers.append(matching.rules(held["matchResources"]))
        except BrokenError as broken:
            _broken(binding, broken, to, control, _name(binding))
            continue
        fails = spec.get("failurePolicy", "Fail") != "Ignore"
        check = _check(name, _name(binding), rules)
        to.policies.append(InForce(control, check, rules, tuple(matchers), params, fails))
        to.controls.append(control._replace(checks=(check,)))


def _template(template: Resource, constraints: Sequence[Resource], to: Installed) -> None:
    name, kind = _name(template), _kind_of(template)
    source, path = _source(template)
    if source is None:
        to.gaps.append(_gap(template, "not evaluated: its rules are written in Rego"))
        return
    mine = [each for each in constraints if each.kind.rpartition("/")[2] == kind]
    try:
        spec = {**source, "variables": [*GIVEN, *(source.get("variables") or [])]}
        rules = compiled(template, spec, path, True)
    except BrokenError as broken:
        _broken(template, broken, to)
        return
    if not mine:
        to.gaps.append(_gap(template, "not evaluated: there is no Constraint of it"))
    for constraint in mine:
        spec = _spec(constraint)
        control = _control(template, name, _severity(_actions(spec)))
        match = spec.get("match")
        check = _check(name, _name(constraint), rules)
        held = constraint.values

        def params(_: Asked, held: Any = held) -> Sequence[Any]:
            return (held,)

        matchers = (matching.gatekeeper(match if isinstance(match, dict) else {}),)
        fails = source.get("failurePolicy", "Fail") != "Ignore"
        to.policies.append(InForce(control, check, rules, matchers, params, fails))
        to.controls.append(control._replace(checks=(check,)))


def _source(template: Resource) -> tuple[dict[str, Any] | None, Path]:
    """The CEL of a template and where it lies; None where it has none."""
    targets = _spec(template).get("targets")
    for number, each in enumerate(targets if isinstance(targets, list) else ()):
        code = each.get("code") if isinstance(each, dict) else None
        for inner, part in enumerate(code if isinstance(code, list) else ()):
            if isinstance(part, dict) and part.get("engine") == "K8sNativeValidation":
                source = part.get("source")
                path: Path = ("spec", "targets", number, "code", inner, "source")
                return (source if isinstance(source, dict) else {}), path
    return None, ()


def _actions(spec: Mapping[str, Any]) -> list[str]:
    action = str(spec.get("enforcementAction") or "deny")
    if action != "scoped":
        return [action]
    scoped = spec.get("scopedEnforcementActions") or ()
    return [str(each.get("action")) for each in scoped if isinstance(each, dict)]


class _Parameters:
    """The objects that may be parameters, by kind."""

    def __init__(self, resources: Iterable[Resource]) -> None:
        self.kinds: dict[str, list[Resource]] = {}
        for resource in resources:
            self.kinds.setdefault(resource.kind, []).append(resource)

    def of(self, kind: Mapping[str, Any], ref: Any) -> Params:
        """What a binding's `paramRef` names. Raises BrokenError where it can name nothing."""
        if not isinstance(ref, dict):
            return lambda _: NO_PARAMS
        version, last = str(kind.get("apiVersion")), str(kind.get("kind"))
        scope = kinds.namespaced(kinds.group(version), last, {})
        name = kinds.name(version, last)
        candidates = self.kinds.get(name, [])
        denies = ref.get("parameterNotFoundAction", "Deny") == "Deny"
        wanted, selector, where = ref.get("name"), ref.get("selector"), ref.get("namespace")
        if scope is None:
            # Its CRD is not here: an object in a namespace says that the kind has namespaces.
            scope = where is not None or any(
                "namespace" in (each.values.get("metadata") or {}) for each in candidates
            )

        def chosen(place: str | None) -> list[Any]:
            found = []
            for each in candidates:
                metadata = each.values.get("metadata") or {}
                if scope and place is not None and metadata.get("namespace", place) != place:
                    continue
                if wanted is not None and metadata.get("name") != wanted:
                    continue
                if wanted is None and not matching.selects(selector, metadata.get("labels")):
                    continue
                found.append(each.values)
            return found

        missing = f"there is no parameter object {name} `{wanted or 'of the selector'}`"

        def params(asked: Asked) -> Sequence[Any]:
            if not scope:
                found = chosen(None)
            elif where is not None:
                found = chosen(str(where))
            elif asked.place:
                found = chosen(asked.place)
            else:
                raise BrokenError("policy-params", f"{name} has namespaces, and {asked.kind} none")
            if not found and denies:
                raise BrokenError("policy-params", missing)
            return found

        if denies and not chosen(None if where is None else str(where)) and (where or not scope):
            raise BrokenError("policy-params", missing, ("spec", "paramRef"))
        return params


# -- what is said of them --------------------------------------------------------------------------


def _control(owner: Resource, name: str, severity: str) -> Control:
    """A policy as a control: reports show it as they show ours."""
    annotations = (owner.values.get("metadata") or {}).get("annotations") or {}
    title = annotations.get("description") or annotations.get("metadata.gatekeeper.sh/title")
    kind = owner.kind.rpartition("/")[2]
    return Control(
        id=name,
        title=" ".join(str(title or f"{kind} {name}").split()),
        severity=severity,
        domain="delivery",
        why=f"The {kind} `{name}` demands it at admission.",
        frameworks=(),
        equivalents={},
        params=(),
        checks=(),
        file=owner.place.file,
        line=owner.place.line,
    )


def _check(control: str, id: str, rules: Rules) -> Check:
    """A policy in force as a check: findings need its name alone."""
    first = rules.validations[0].program if rules.validations else rules.annotations[0]
    names: tuple[Any, ...] = ((), None, first, (), (), Message((), ""), (), (), (), ())
    return Check(control, id, (), "", "", frozenset(), "", Evaluated(*names))


def _severity(actions: Iterable[Any]) -> str:
    """Of what is denied high, of what is warned of medium, of what is only noted low."""
    found = {SEVERITIES.get(str(action), "low") for action in actions}
    return next((each for each in ("high", "medium") if each in found), "low")


def _broken(
    owner: Resource,
    broken: BrokenError,
    to: Installed,
    control: Control | None = None,
    check: str = "",
) -> None:
    """A finding about a policy that cannot be evaluated, at its place; the rest goes on."""
    name = _name(owner)
    known = control or _control(owner, name, "high")
    violation = Violation(path_text(broken.path), broken.message, owner.locate(broken.path))
    to.broken.append(
        Finding(
            known.id,
            check or broken.code,
            "error",
            known.severity,
            owner,
            None,
            f"{owner.kind.rpartition('/')[2]} `{name}`: {broken.message}",
            (violation,),
        )
    )
    to.controls.append(known)


def _gap(owner: Resource, reason: str) -> Gap:
    return Gap("policy", owner.address, "not_applicable", reason, owner.place, blocks=False)


def _name(owner: Resource) -> str:
    metadata = owner.values.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    return str(name or "?")


def _spec(owner: Resource) -> dict[str, Any]:
    spec = owner.values.get("spec")
    return spec if isinstance(spec, dict) else {}


def _kind_of(template: Resource) -> str:
    """The kind of a template's Constraints."""
    held: Any = _spec(template)
    for step in ("crd", "spec", "names", "kind"):
        held = held.get(step) if isinstance(held, dict) else None
    return str(held)
