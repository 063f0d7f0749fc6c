"""Declared monitors × a cluster: what to create, change and remove, and doing it.

A monitor is ours by its marker (`ui_metadata`: owner and environment); nothing else is touched. The
marker holds the digest of what was declared and `seen`, the fingerprint of what the server made of
it: the server writes queries in a form of its own, so only its own answer can be compared with.
A monitor without `seen` is one whose apply was cut short: the next one completes it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from assay.engine.siem.alerting import Cluster, Live, ServerError
from assay.engine.siem.monitors import OWNER, digest, rules_of

Body = Mapping[str, Any]
# What a monitor does; the rest is made by the server or is our own note.
MEANT = ("monitor_type", "name", "enabled", "schedule", "inputs", "triggers")


class Step(NamedTuple):
    """One thing to do. `kind`: create, update or remove; `live` is what is there now."""

    kind: str
    name: str
    why: str
    body: Body | None
    live: Live | None


class Plan(NamedTuple):
    """What differs, what does not, and how many monitors of others there are."""

    steps: list[Step]
    same: list[str]
    others: int

    def writes(self) -> list[Step]:
        """What apply does: all but removing what is no longer declared."""
        return [step for step in self.steps if step.kind != "remove" or step.why == DOUBLE]

    def removals(self) -> list[Step]:
        """What prune does."""
        return [step for step in self.steps if step.kind == "remove"]


class Failed(NamedTuple):
    """A step that the server refused."""

    step: Step
    status: int
    reason: str


DOUBLE = "is there twice"
UNDECLARED = "is not declared"


def marked(live: Live, environment: str) -> bool:
    """Whether the monitor is ours, in this environment."""
    notes = live.body.get("ui_metadata")
    return (
        isinstance(notes, Mapping)
        and notes.get("owner") == OWNER
        and notes.get("environment") == environment
    )


def fingerprint(body: Body) -> str:
    """What a monitor does, as the server writes it."""
    return digest({key: body.get(key) for key in MEANT})


def plan(declared: Mapping[str, Body], found: Sequence[Live], environment: str) -> Plan:
    """The steps from what is found to what is declared, in the order of names."""
    made = Plan([], [], 0)
    own: dict[str, list[Live]] = {}
    others = 0
    for live in found:
        if marked(live, environment):
            own.setdefault(str(live.body.get("name")), []).append(live)
        else:
            others += 1
    for group in own.values():
        group.sort(key=lambda live: (live.seq_no, live.id))
    for name in sorted({*declared, *own}):
        body = declared.get(name)
        group = own.get(name, [])
        if body is None:
            made.steps.extend(Step("remove", name, UNDECLARED, None, live) for live in group)
            continue
        if not group:
            made.steps.append(Step("create", name, "is missing", body, None))
            continue
        made.steps.extend(Step("remove", name, DOUBLE, None, live) for live in group[1:])
        if why := _difference(body, group[0]):
            made.steps.append(Step("update", name, why, body, group[0]))
        else:
            made.same.append(name)
    return made._replace(others=others)


def _difference(body: Body, live: Live) -> str:
    """Why the monitor has to be written; empty where it is as declared."""
    notes = live.body["ui_metadata"]
    if notes.get("digest") != body["ui_metadata"]["digest"]:
        return _rules_changed(body, notes)
    if not notes.get("seen"):
        return "was left half written"
    if notes["seen"] != fingerprint(live.body):
        return f"was changed on the cluster: {', '.join(_changed(body, live.body))}"
    if notes.get("rules") != body["ui_metadata"]["rules"]:
        return "has other notes"
    return ""


def _rules_changed(body: Body, notes: Mapping[str, Any]) -> str:
    old = notes.get("rules")
    old = old if isinstance(old, Mapping) else {}
    new = body["ui_metadata"]["rules"]
    words = [f"+{rule}" for rule in rules_of(body) if rule not in old]
    words += [f"-{rule}" for rule in sorted(map(str, old)) if rule not in new]
    words += [f"~{rule}" for rule in sorted(new) if rule in old and old[rule] != new[rule]]
    return f"is declared otherwise: {', '.join(words)}" if words else "is declared otherwise"


def _changed(body: Body, live: Body) -> list[str]:
    """The parts of a monitor that differ, as far as they can be told apart."""
    plain = [key for key in ("monitor_type", "enabled", "schedule") if body[key] != live.get(key)]
    parts = {
        "triggers": _sketch(body["triggers"]) != _sketch(live.get("triggers")),
        "inputs": [one["search"]["indices"] for one in body["inputs"]] != _indices(live),
    }
    return [*plain, *(key for key, differs in parts.items() if differs)] or ["inputs or triggers"]


def _sketch(triggers: Any) -> list[Any]:
    """The triggers without what the server makes."""
    made: list[Any] = []
    for trigger in triggers if isinstance(triggers, list) else ():
        inner: Any = next(iter(trigger.values()), {}) if isinstance(trigger, Mapping) else {}
        if isinstance(inner, Mapping):
            actions = inner.get("actions") or []
            made.append([inner.get("id"), inner.get("severity"), len(actions)])
    return made


def _indices(live: Body) -> list[Any]:
    inputs = live.get("inputs")
    searches = [one.get("search") for one in inputs if isinstance(one, Mapping)] if inputs else []
    return [one.get("indices") for one in searches if isinstance(one, Mapping)]


def carry_out(cluster: Cluster, steps: Iterable[Step]) -> Iterator[Step | Failed]:
    """Each step once it is done, or how it failed. Ends where the server no longer answers."""
    for step in steps:
        try:
            _do(cluster, step)
            yield step
        except ServerError as error:
            yield Failed(step, error.status, error.reason)
            if error.status in (0, 401, 403, 429, 503):
                return


def _do(cluster: Cluster, step: Step) -> None:
    if step.kind == "remove":
        assert step.live is not None
        cluster.delete(step.live)
        return
    assert step.body is not None
    if step.live is None:
        written = cluster.create(step.body)
    else:
        written = cluster.update(step.live, step.body)
    seen = fingerprint(written.body)
    notes = {**step.body["ui_metadata"], "seen": seen}
    kept = cluster.update(written, {**step.body, "ui_metadata": notes})
    if fingerprint(kept.body) != seen:
        raise ServerError(409, "it was changed while it was written")


def dry_run(cluster: Cluster, steps: Iterable[Step]) -> Iterator[Failed | Step]:
    """Runs what would be written, without writing: what fails there would fail on every run."""
    for step in steps:
        if step.body is None:
            continue
        try:
            reasons = cluster.dry_run(step.body)
            yield Failed(step, 200, "; ".join(reasons)) if reasons else step
        except ServerError as error:
            yield Failed(step, error.status, error.reason)
            if error.status in (0, 401, 403, 429, 503):
                return
