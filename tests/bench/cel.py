"""The rule language at work: `python tests/bench/cel.py`.

Prints the median cost of an evaluation and of a compilation over twelve security expressions on a
Deployment of three containers, beside cel-expr-python where it is installed, and the time of 20,000
Deployments under 60 checks.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

from assay.engine.cel import Environment, compile_expression
from assay.engine.errors import Text

ROUNDS = 7
DEPLOYMENTS = 20_000
CHECKS = 60
POD = "object.spec.template.spec"
EXPRESSIONS = [
    f"{POD}.containers.all(c, !has(c.securityContext) || !has(c.securityContext.privileged)"
    " || c.securityContext.privileged == false)",
    f"{POD}.containers.all(c, has(c.resources) && has(c.resources.limits)"
    " && 'memory' in c.resources.limits)",
    f"{POD}.containers.all(c, c.image.contains('@sha256:') || !c.image.endsWith(':latest'))",
    f"!has({POD}.hostNetwork) || {POD}.hostNetwork == false",
    f"has({POD}.securityContext) && has({POD}.securityContext.runAsNonRoot)"
    f" && {POD}.securityContext.runAsNonRoot",
    f"!has({POD}.volumes) || !{POD}.volumes.exists(v, has(v.hostPath))",
    "object.spec.replicas >= 2",
    "'app.kubernetes.io/name' in object.metadata.labels",
    f"{POD}.containers.all(c, has(c.securityContext) && has(c.securityContext.capabilities)"
    " && has(c.securityContext.capabilities.drop)"
    " && c.securityContext.capabilities.drop.exists(d, d == 'ALL'))",
    f"{POD}.containers.all(c, has(c.livenessProbe) || has(c.readinessProbe))",
    f"has({POD}.automountServiceAccountToken) && {POD}.automountServiceAccountToken == false",
    f"{POD}.containers.all(c, c.image.startsWith('registry.example.com/'))",
]


def container(name: str) -> dict[str, Any]:
    """A container that satisfies every expression, so that all of them go through it."""
    return {
        "name": name,
        "image": f"registry.example.com/{name}@sha256:{'0f' * 32}",
        "resources": {"limits": {"memory": "128Mi", "cpu": "1"}, "requests": {"cpu": "100m"}},
        "securityContext": {"privileged": False, "capabilities": {"drop": ["ALL"]}},
        "readinessProbe": {"httpGet": {"path": "/", "port": 8080}},
    }


def deployment() -> dict[str, Any]:
    """A Deployment of three containers."""
    spec = {
        "containers": [container(name) for name in ("web", "proxy", "metrics")],
        "securityContext": {"runAsNonRoot": True},
        "automountServiceAccountToken": False,
        "volumes": [{"name": "tmp", "emptyDir": {}}],
    }
    labels = {"app.kubernetes.io/name": "web"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop", "labels": labels},
        "spec": {"replicas": 3, "template": {"metadata": {"labels": labels}, "spec": spec}},
    }


def cost(action: Callable[[], Any], times: int) -> float:
    """Seconds of one call: the best of several rounds."""
    best = float("inf")
    for _ in range(ROUNDS):
        start = time.perf_counter()
        for _ in range(times):
            action()
        best = min(best, time.perf_counter() - start)
    return best / times


def peer(subject: dict[str, Any]) -> list[float] | None:
    """The same evaluations by cel-expr-python, or None where it is not installed."""
    try:
        from cel_expr_python import cel
    except ImportError:
        return None
    environment = cel.NewEnv(variables={"object": cel.Type.DYN})
    costs: list[float] = []
    for expression in EXPRESSIONS:
        program = environment.compile(expression)
        assert program.eval(data={"object": subject}).value() is True, expression
        data = {"object": subject}
        costs.append(cost(lambda p=program, d=data: p.eval(data=d).value(), 200))  # type: ignore[misc]
    return costs


def main() -> None:
    """Measure and print."""
    environment = Environment({"object": None})
    subject = deployment()
    programs = [compile_expression(Text("", text), environment) for text in EXPRESSIONS]
    runs: list[float] = []
    for text, program in zip(EXPRESSIONS, programs, strict=True):
        assert program.fast(subject) is True, text
        runs.append(cost(lambda run=program.fast: run(subject), 2000))  # type: ignore[misc]
    compiles = [
        cost(lambda text=text: compile_expression(Text("", text), environment), 20)  # type: ignore[misc]
        for text in EXPRESSIONS
    ]
    evaluation = statistics.median(runs) * 1e6
    print(f"evaluation, median of twelve   {evaluation:8.2f} µs")
    print(f"compilation, median of twelve  {statistics.median(compiles) * 1e6:8.0f} µs")
    others = peer(subject)
    if others is not None:
        other = statistics.median(others) * 1e6
        print(f"cel-expr-python, evaluation    {other:8.2f} µs  ({other / evaluation:.0f} times)")
    subjects = [deployment() for _ in range(DEPLOYMENTS)]
    checks = [programs[number % len(programs)].fast for number in range(CHECKS)]
    start = time.perf_counter()
    passed = sum(run(each) is True for each in subjects for run in checks)
    taken = time.perf_counter() - start
    assert passed == DEPLOYMENTS * CHECKS
    print(f"{DEPLOYMENTS} Deployments x {CHECKS} checks {taken:8.2f} s")


if __name__ == "__main__":
    main()
