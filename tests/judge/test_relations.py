"""Relations: who is joined to whom, and when there may be more than is known."""

from __future__ import annotations

from typing import Any

import pytest

from assay.engine.catalogue.controls import Relation
from assay.engine.catalogue.paths import parse
from assay.engine.judge.relations import Relations
from assay.engine.model import Path, Place, Resource, Unknown

APPLY = Unknown("apply", "aws_s3_bucket.a.id", identity="aws_s3_bucket.a.id", not_null=True)
VARIABLE = Unknown("variable", "var.bucket")


def terraform(
    address: str, refs: dict[Path, tuple[str, ...]] | None = None, root: str = ".", **values: Any
) -> Resource:
    kind = ".".join(address.split("[", 1)[0].split(".")[:-1]).rpartition("module.")[2]
    kind = kind.rpartition(".")[2] if not kind.startswith("data.") else kind
    return Resource("terraform", kind, address, values, Place("main.tf"), refs=refs, root=root)


def kubernetes(kind: str, name: str, namespace: str | None = "shop", **values: Any) -> Resource:
    values.setdefault("metadata", {})["name"] = name
    address = f"{kind}/{namespace}/{name}"
    return Resource("manifest", kind, address, values, Place("a.yaml"), namespace=namespace)


def answer(
    mine: Resource, others: list[Resource], kind: str, **join: str
) -> tuple[list[str], bool]:
    """The addresses that a relation gives, and whether there may be more."""
    (word, path), *more = join.items()
    given = dict(more)
    scope = path if word == "within" else ""
    steps = () if scope else ((parse(path) or ()),)
    relation = Relation(
        "r", (kind,), word, steps, scope, given.get("on", ""), "", given.get("default", "")
    )
    found, rest = Relations([mine, *others]).answer(relation, mine, (relation,))
    return [other.address for other in found], rest is not None


BUCKET = terraform("aws_s3_bucket.a", bucket="assets")
BLOCK = "aws_s3_bucket_public_access_block"


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (terraform(f"{BLOCK}.a", {("bucket",): ("aws_s3_bucket.a",)}, bucket=APPLY), ["a", False]),
        (terraform(f"{BLOCK}.a", bucket="assets"), ["a", False]),
        (terraform(f"{BLOCK}.a", bucket="other"), [None, False]),
        (terraform(f"{BLOCK}.a", {("bucket",): ("aws_s3_bucket.b",)}, bucket=APPLY), [None, False]),
        (terraform(f"{BLOCK}.a", bucket=VARIABLE), [None, True]),
        (terraform(f"{BLOCK}.a", root="live", bucket="assets"), [None, False]),
    ],
    ids=["reference", "text", "other text", "other reference", "variable", "other root"],
)
def test_refers(other: Resource, expected: list[Any]) -> None:
    name, more = expected
    wanted = ([f"{BLOCK}.{name}"] if name else [], more)
    assert answer(BUCKET, [other], BLOCK, refers="bucket") == wanted


def test_equal_text_does_not_join_what_a_reference_joins_elsewhere() -> None:
    twin = terraform("aws_s3_bucket.b", bucket="assets")
    block = terraform(f"{BLOCK}.b", {("bucket",): ("aws_s3_bucket.b",)}, bucket="assets")
    assert answer(BUCKET, [twin, block], BLOCK, refers="bucket") == ([], False)


def test_refers_to_one_instance_and_to_all_of_them() -> None:
    mine = terraform("aws_s3_bucket.a[1]")
    one = terraform(f"{BLOCK}.one", {("bucket",): ("aws_s3_bucket.a[0]",)}, bucket=APPLY)
    every = terraform(f"{BLOCK}.every", {("bucket",): ("aws_s3_bucket.a",)}, bucket=APPLY)
    assert answer(mine, [one, every], BLOCK, refers="bucket") == ([f"{BLOCK}.every"], False)


def test_referred_follows_lists_and_names() -> None:
    refs = {("subnet_ids", 0): ("aws_subnet.a",), ("subnet_ids", 1): ("aws_subnet.b",)}
    mine = terraform("aws_eks_cluster.c", refs, subnet_ids=[APPLY, APPLY, VARIABLE])
    subnets = [terraform(f"aws_subnet.{name}") for name in "abc"]
    found = answer(mine, subnets, "aws_subnet", referred="subnet_ids")
    assert found == (["aws_subnet.a", "aws_subnet.b"], True)
    database = terraform("aws_db_instance.d", parameter_group_name="pg15")
    group = terraform("aws_db_parameter_group.pg", name="pg15")
    found = answer(
        database, [group], "aws_db_parameter_group", referred="parameter_group_name", on="name"
    )
    assert found == (["aws_db_parameter_group.pg"], False)


POD = {"template": {"metadata": {"labels": {"app": "api", "tier": "web"}}, "spec": {}}}
API = kubernetes("apps/v1/Deployment", "api", spec=POD)
BUDGET = "policy/v1/PodDisruptionBudget"


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ({"matchLabels": {"app": "api"}}, True),
        ({"matchLabels": {"app": "api", "tier": "db"}}, False),
        ({}, True),
        ({"matchExpressions": [{"key": "app", "operator": "In", "values": ["api", "b"]}]}, True),
        ({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["api"]}]}, False),
        ({"matchExpressions": [{"key": "tier", "operator": "Exists"}]}, True),
        ({"matchExpressions": [{"key": "tier", "operator": "DoesNotExist"}]}, False),
    ],
)
def test_selects(selector: dict[str, Any], expected: bool) -> None:
    budget = kubernetes(BUDGET, "b", spec={"selector": selector})
    elsewhere = kubernetes(BUDGET, "b", "other", spec={"selector": selector})
    wanted = [budget.address] if expected else []
    assert answer(API, [budget, elsewhere], BUDGET, selects="spec.selector") == (wanted, False)
    kind = "apps/v1/Deployment"
    back = [API.address] if expected else []
    assert answer(budget, [API], kind, selected="spec.selector") == (back, False)


def test_a_service_selects_by_a_plain_map_and_nothing_with_an_empty_one() -> None:
    service = kubernetes("Service", "s", spec={"selector": {"app": "api"}})
    empty = kubernetes("Service", "e", spec={"selector": {}})
    found = answer(API, [service, empty], "Service", selects="spec.selector")
    assert found == ([service.address], False)


def test_names_and_named() -> None:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "api"}
    scaler = kubernetes(
        "autoscaling/v2/HorizontalPodAutoscaler", "s", spec={"scaleTargetRef": target}
    )
    other = {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "api"}
    wrong = kubernetes(
        "autoscaling/v2/HorizontalPodAutoscaler", "w", spec={"scaleTargetRef": other}
    )
    kind = "autoscaling/v2/HorizontalPodAutoscaler"
    found = answer(API, [scaler, wrong], kind, names="spec.scaleTargetRef")
    assert found == ([scaler.address], False)
    found = answer(scaler, [API], "apps/v1/Deployment", named="spec.scaleTargetRef")
    assert found == ([API.address], False)


def test_named_falls_back_to_a_default() -> None:
    account = kubernetes("ServiceAccount", "default")
    path = "spec.template.spec.serviceAccountName"
    found = answer(API, [account], "ServiceAccount", named=path, default="default")
    assert found == ([account.address], False)


def test_within_a_namespace_and_owns() -> None:
    policy = kubernetes("networking.k8s.io/v1/NetworkPolicy", "p")
    far = kubernetes("networking.k8s.io/v1/NetworkPolicy", "p", "other")
    kind = "networking.k8s.io/v1/NetworkPolicy"
    assert answer(API, [policy, far], kind, within="namespace") == ([policy.address], False)
    space = kubernetes("Namespace", "shop", "")
    assert answer(space, [policy, far], kind, within="namespace") == ([policy.address], False)
    owner = {"kind": "Deployment", "name": "api"}
    made = kubernetes("apps/v1/ReplicaSet", "r", metadata={"ownerReferences": [owner]})
    relation = Relation("r", ("apps/v1/ReplicaSet",), "owns", ())
    found, rest = Relations([API, made]).answer(relation, API, (relation,))
    assert ([each.address for each in found], rest) == ([made.address], None)


def test_a_second_hop_is_sorted_and_unique() -> None:
    refs = {("subnet_ids", 0): ("aws_subnet.b",), ("subnet_ids", 1): ("aws_subnet.a",)}
    mine = terraform("aws_eks_cluster.c", refs, subnet_ids=[APPLY, APPLY])
    vpc: dict[Path, tuple[str, ...]] = {("vpc_id",): ("aws_vpc.v",)}
    subnets = [terraform(f"aws_subnet.{name}", vpc, vpc_id=APPLY) for name in "ab"]
    first = Relation("subnets", ("aws_subnet",), "referred", (("subnet_ids",),))
    second = Relation("vpcs", ("aws_vpc",), "referred", (("vpc_id",),), of="subnets")
    all = Relations([mine, *subnets, terraform("aws_vpc.v")])
    found, rest = all.answer(second, mine, (first, second))
    assert ([each.address for each in found], rest) == (["aws_vpc.v"], None)
    found, _ = all.answer(first, mine, (first, second))
    assert [each.address for each in found] == ["aws_subnet.a", "aws_subnet.b"]


def test_built_in_cluster_roles_are_known() -> None:
    kind = "rbac.authorization.k8s.io/v1/ClusterRole"
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"}
    binding = kubernetes("rbac.authorization.k8s.io/v1/ClusterRoleBinding", "b", "", roleRef=role)
    relation = Relation("role", (kind,), "named", (("roleRef",),))
    found, rest = Relations([binding]).answer(relation, binding, (relation,))
    everything = [
        {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]},
        {"nonResourceURLs": ["*"], "verbs": ["*"]},
    ]
    assert ([each.values["rules"] for each in found], rest) == ([everything], None)
