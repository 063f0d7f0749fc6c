"""Random Kubernetes objects that an API server accepts: the same for the same seed.

Every optional field that a control might read is there or not, by chance, so that what reads it
unguarded is found.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

NAMESPACE = "parity"


class Maker:
    """One stream of chance."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def maybe(self, share: float = 0.5) -> bool:
        return self.random.random() < share

    def one(self, *choices: Any) -> Any:
        return self.random.choice(choices)

    def some(self, fields: dict[str, Callable[[], Any]], share: float = 0.5) -> dict[str, Any]:
        """Each of the fields, or not."""
        return {name: make() for name, make in fields.items() if self.maybe(share)}

    # -- pods ----------------------------------------------------------------------------------

    def security(self, pod: bool) -> dict[str, Any]:
        found = self.some(
            {
                "runAsUser": lambda: self.one(0, 1, 1000, 65534),
                "runAsNonRoot": lambda: self.one(True, False),
                "runAsGroup": lambda: self.one(0, 1000),
                "seccompProfile": lambda: self.one(
                    {"type": "RuntimeDefault"},
                    {"type": "Unconfined"},
                    {"type": "Localhost", "localhostProfile": "a.json"},
                ),
            }
        )
        if pod:
            return found
        privileged = self.maybe(0.2)
        found |= self.some(
            {
                "readOnlyRootFilesystem": lambda: self.one(True, False),
                "capabilities": lambda: self.some(
                    {
                        "drop": lambda: self.one(["ALL"], ["NET_RAW"], [], ["KILL", "ALL"]),
                        "add": lambda: self.one(
                            ["NET_BIND_SERVICE"], ["SYS_ADMIN"], [], ["CHOWN", "NET_BIND_SERVICE"]
                        ),
                    }
                ),
            }
        )
        if privileged:
            found["privileged"] = True
        else:
            found |= self.some(
                {
                    "privileged": lambda: False,
                    "allowPrivilegeEscalation": lambda: self.one(True, False),
                }
            )
            added = found.get("capabilities", {}).get("add") or ()
            if "SYS_ADMIN" in added and found.get("allowPrivilegeEscalation") is False:
                found["allowPrivilegeEscalation"] = True
        return found

    def environment(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for number in range(self.random.randrange(3)):
            name = f"NAME_{number}"
            found.append(
                self.one(
                    {"name": name, "value": "text"},
                    {"name": name},
                    {"name": name, "value": ""},
                    {"name": name, "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
                    {"name": name, "valueFrom": {"configMapKeyRef": {"name": "c", "key": "k"}}},
                    {"name": name, "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
                )
            )
        return found

    def ports(self, host: bool) -> list[dict[str, Any]]:
        number = self.random.randrange(1024, 60000)
        port: dict[str, Any] = {"containerPort": number}
        if self.maybe(0.3):
            port["name"] = f"p{number}"
        if self.maybe(0.3):
            port["hostPort"] = number if host else self.one(number, 0)
        return [port]

    def resources(self) -> dict[str, Any]:
        def amounts() -> dict[str, Any]:
            return self.some({"cpu": lambda: "100m", "memory": lambda: "64Mi"})

        return self.some({"limits": amounts, "requests": amounts})

    def container(self, name: str, host: bool, init: bool = False) -> dict[str, Any]:
        image = self.one("a", "registry.example/a:1", f"a@sha256:{'0' * 64}", "a:latest")
        found = {"name": name, "image": image}
        fields: dict[str, Callable[[], Any]] = {
            "securityContext": lambda: self.security(False),
            "env": self.environment,
            "envFrom": lambda: self.one(
                [], [{"secretRef": {"name": "s"}}], [{"configMapRef": {"name": "c"}}]
            ),
            "ports": lambda: self.ports(host),
            "resources": self.resources,
            "imagePullPolicy": lambda: self.one("Always", "IfNotPresent"),
        }
        if not init:
            probe = {"httpGet": {"path": "/", "port": 8080}}
            fields["readinessProbe"] = lambda: probe
            fields["livenessProbe"] = lambda: self.one(probe, {"exec": {"command": ["true"]}})
        return found | self.some(fields)

    def volumes(self) -> list[dict[str, Any]]:
        kinds = [
            {"emptyDir": {}},
            {"hostPath": {"path": "/var/log"}},
            {"secret": {"secretName": "s"}},
            {"configMap": {"name": "c"}},
        ]
        return [{"name": f"v{n}"} | self.one(*kinds) for n in range(self.random.randrange(3))]

    def pod(self, never: bool = False) -> dict[str, Any]:
        """A pod's spec; `never`: one that may end, as jobs want it."""
        host = self.maybe(0.2)
        count = self.random.randrange(1, 4)
        found: dict[str, Any] = {
            "containers": [self.container(f"c{n}", host) for n in range(count)]
        }
        if host:
            found["hostNetwork"] = True
        found |= self.some(
            {
                "initContainers": lambda: [self.container("init", host, init=True)],
                "securityContext": lambda: self.security(True),
                "volumes": self.volumes,
                "serviceAccountName": lambda: self.one("own", "default", "other"),
                "automountServiceAccountToken": lambda: self.one(True, False),
                "nodeSelector": lambda: {"a": "b"},
                "topologySpreadConstraints": self.spread,
                "affinity": self.affinity,
                "tolerations": lambda: [{"operator": "Exists"}],
                "priorityClassName": lambda: "",
                "terminationGracePeriodSeconds": lambda: 5,
                "enableServiceLinks": lambda: self.one(True, False),
                "dnsPolicy": lambda: "ClusterFirst",
            },
            0.35,
        )
        for name in ("hostPID", "hostIPC"):
            if self.maybe(0.15):
                found[name] = self.one(True, False)
        if never:
            found["restartPolicy"] = self.one("Never", "OnFailure")
        return found

    def spread(self) -> list[dict[str, Any]]:
        key = self.one("topology.kubernetes.io/zone", "kubernetes.io/hostname", "rack")
        return [{"maxSkew": 1, "topologyKey": key, "whenUnsatisfiable": "ScheduleAnyway"}]

    def affinity(self) -> dict[str, Any]:
        key = self.one("topology.kubernetes.io/zone", "kubernetes.io/hostname")
        term = {"topologyKey": key, "labelSelector": {"matchLabels": {"app": "a"}}}
        required = {"requiredDuringSchedulingIgnoredDuringExecution": [term]}
        preferred = {
            "preferredDuringSchedulingIgnoredDuringExecution": [
                {"weight": 1, "podAffinityTerm": term}
            ]
        }
        return self.one({}, {"podAntiAffinity": required}, {"podAntiAffinity": preferred})

    def template(self, never: bool = False, labels: bool = True) -> dict[str, Any]:
        metadata: dict[str, Any] = {"labels": {"app": "a"}} if labels else {}
        if self.maybe(0.3):
            metadata["annotations"] = {"a": "b"}
        return {"metadata": metadata, "spec": self.pod(never)}

    # -- objects -------------------------------------------------------------------------------

    def workload(self) -> dict[str, Any]:
        return self.one(*WORKLOADS)(self)


def _meta(maker: Maker) -> dict[str, Any]:
    return {
        "labels": lambda: {"app": "a", "team": maker.one("red", "blue")},
        "annotations": lambda: maker.one({}, {"a": "b"}),
    }


def _pod(maker: Maker) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Pod", "spec": maker.pod()}


def _controlled(kind: str, version: str = "apps/v1") -> Callable[[Maker], dict[str, Any]]:
    def make(maker: Maker) -> dict[str, Any]:
        selector: Any = {"app": "a"}
        if version == "apps/v1":
            selector = {"matchLabels": selector}
        spec: dict[str, Any] = {"selector": selector, "template": maker.template()}
        if kind != "DaemonSet" and maker.maybe():
            spec["replicas"] = maker.one(0, 1, 2, 5)
        if kind == "StatefulSet":
            spec |= maker.some(
                {
                    "serviceName": lambda: "a",
                    "persistentVolumeClaimRetentionPolicy": lambda: maker.some(
                        {
                            "whenDeleted": lambda: maker.one("Retain", "Delete"),
                            "whenScaled": lambda: maker.one("Retain", "Delete"),
                        }
                    ),
                }
            )
        return {"apiVersion": version, "kind": kind, "spec": spec}

    return make


def _job(maker: Maker) -> dict[str, Any]:
    spec = {"template": maker.template(True, labels=False)}
    return {"apiVersion": "batch/v1", "kind": "Job", "spec": spec}


def _cron(maker: Maker) -> dict[str, Any]:
    job = {"spec": {"template": maker.template(True, labels=False)}}
    spec = {"schedule": "0 1 * * *", "jobTemplate": job}
    return {"apiVersion": "batch/v1", "kind": "CronJob", "spec": spec}


def _pod_template(maker: Maker) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "PodTemplate", "template": maker.template()}


def _ingress(maker: Maker) -> dict[str, Any]:
    def path() -> dict[str, Any]:
        backend = {"service": {"name": "a", "port": {"number": 80}}}
        return {"path": "/", "pathType": "Prefix", "backend": backend}

    def rule() -> dict[str, Any]:
        host = maker.one("a.example.com", "b.example.com", "*.example.com", None)
        held: dict[str, Any] = {"http": {"paths": [path()]}}
        return held if host is None else {"host": host} | held

    def tls() -> dict[str, Any]:
        return maker.some(
            {
                "hosts": lambda: [maker.one("a.example.com", "*.example.com", "c.example.com")],
                "secretName": lambda: "t",
            },
            0.7,
        )

    spec: dict[str, Any] = {"rules": [rule() for _ in range(maker.random.randrange(1, 3))]}
    if maker.maybe():
        spec["tls"] = [tls() for _ in range(maker.random.randrange(0, 3))]
    spec |= maker.some({"ingressClassName": lambda: "nginx"})
    prefix = "nginx.ingress.kubernetes.io"
    annotations = maker.some(
        {
            f"{prefix}/ssl-redirect": lambda: maker.one("true", "false"),
            f"{prefix}/force-ssl-redirect": lambda: maker.one("true", "false"),
            f"{prefix}/server-snippet": lambda: "deny all;",
            f"{prefix}/auth-snippet": lambda: "",
        },
        0.3,
    )
    metadata = {"annotations": annotations} if annotations or maker.maybe() else {}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": metadata,
        "spec": spec,
    }


def _service(maker: Maker) -> dict[str, Any]:
    kind = maker.one("ClusterIP", "NodePort", "LoadBalancer", "ExternalName", None)
    spec: dict[str, Any] = {} if kind is None else {"type": kind}
    if kind == "ExternalName":
        spec["externalName"] = "a.example.com"
    else:
        spec["ports"] = [{"port": 80}]
        spec |= maker.some({"selector": lambda: {"app": "a"}})
        if maker.maybe(0.3):
            spec["externalIPs"] = maker.one(["192.0.2.1"], [])
    if kind == "LoadBalancer" and maker.maybe():
        spec["loadBalancerSourceRanges"] = maker.one(["10.0.0.0/8"], ["0.0.0.0/0"])
    return {"apiVersion": "v1", "kind": "Service", "spec": spec}


def _namespace(maker: Maker) -> dict[str, Any]:
    label = "pod-security.kubernetes.io/enforce"
    labels = maker.one({}, {label: "restricted"}, {label: "baseline"}, {label: "privileged"})
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"labels": labels}}


def _class(maker: Maker) -> dict[str, Any]:
    found = {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "provisioner": maker.one("ebs.csi.aws.com", "kubernetes.io/aws-ebs", "example.com/nfs"),
    }
    return found | maker.some(
        {
            "parameters": lambda: maker.one({}, {"encrypted": "true"}, {"encrypted": "false"}),
            "reclaimPolicy": lambda: maker.one("Retain", "Delete"),
            "volumeBindingMode": lambda: maker.one("Immediate", "WaitForFirstConsumer"),
        }
    )


def _role(kind: str) -> Callable[[Maker], dict[str, Any]]:
    def rule(maker: Maker) -> dict[str, Any]:
        if kind == "ClusterRole" and maker.maybe(0.2):
            return {"nonResourceURLs": ["/metrics"], "verbs": ["get"]}
        verbs = [["get"], ["*"], ["get", "list"], ["escalate"], ["bind"], ["create"]]
        resources = [["pods"], ["*"], ["secrets"], ["roles"], ["pods/exec"], ["configmaps"]]
        found = {
            "apiGroups": maker.one([""], ["*"]),
            "resources": maker.one(*resources),
            "verbs": maker.one(*verbs),
        }
        return found | maker.some({"resourceNames": lambda: ["one"]}, 0.2)

    def make(maker: Maker) -> dict[str, Any]:
        found: dict[str, Any] = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind}
        if maker.maybe(0.9):
            found["rules"] = [rule(maker) for _ in range(maker.random.randrange(3))]
        return found

    return make


def _bound(kind: str) -> Callable[[Maker], dict[str, Any]]:
    def make(maker: Maker) -> dict[str, Any]:
        group = "rbac.authorization.k8s.io"
        role = maker.one("view", "cluster-admin")
        found: dict[str, Any] = {
            "apiVersion": f"{group}/v1",
            "kind": kind,
            "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": role},
        }
        users = ("system:anonymous", "jane")
        subjects = [
            {"kind": "ServiceAccount", "name": maker.one("default", "own"), "namespace": "a"},
            {"kind": "Group", "apiGroup": group, "name": maker.one("ops", "system:authenticated")},
            {"kind": "User", "apiGroup": group, "name": maker.one(*users)},
        ]
        if maker.maybe(0.9):
            found["subjects"] = maker.random.sample(subjects, maker.random.randrange(3))
        return found

    return make


def _budget(maker: Maker) -> dict[str, Any]:
    field, value = maker.one(
        ("minAvailable", 1),
        ("minAvailable", "100%"),
        ("maxUnavailable", 0),
        ("maxUnavailable", "0%"),
        ("maxUnavailable", 1),
        ("", None),
    )
    spec: dict[str, Any] = {"selector": {"matchLabels": {"app": "a"}}}
    if field:
        spec[field] = value
    return {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "spec": spec}


def _scaler(maker: Maker) -> dict[str, Any]:
    spec: dict[str, Any] = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "a"},
        "maxReplicas": 5,
    } | maker.some({"minReplicas": lambda: maker.one(1, 2, 3)})
    return {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "spec": spec}


def _account(maker: Maker) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ServiceAccount"} | maker.some(
        {
            "automountServiceAccountToken": lambda: maker.one(True, False),
            "secrets": lambda: [{"name": "s"}],
        }
    )


def _config(maker: Maker) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap"} | maker.some({"data": lambda: {"a": "b"}})


WORKLOADS = (
    _pod,
    _controlled("Deployment"),
    _controlled("StatefulSet"),
    _controlled("DaemonSet"),
    _controlled("ReplicaSet"),
    _controlled("ReplicationController", "v1"),
    _job,
    _cron,
    _pod_template,
)
OTHERS = (
    _ingress,
    _service,
    _namespace,
    _class,
    _role("Role"),
    _role("ClusterRole"),
    _bound("RoleBinding"),
    _bound("ClusterRoleBinding"),
    _budget,
    _scaler,
    _account,
    _config,
)
CLUSTER = frozenset({"ClusterRole", "ClusterRoleBinding", "Namespace", "StorageClass"})


def objects(count: int, seed: int = 8) -> Iterator[dict[str, Any]]:
    """That many objects with names of their own; two of three are workloads."""
    maker = Maker(seed)
    for number in range(count):
        made = maker.workload() if maker.maybe(0.66) else maker.one(*OTHERS)(maker)
        metadata: dict[str, Any] = maker.some(_meta(maker), 0.3) | made.get("metadata", {})
        metadata["name"] = f"made-{number}"
        if made["kind"] == "ServiceAccount" and maker.maybe(0.3):
            metadata["name"] = "default"
        if made["kind"] not in CLUSTER:
            metadata["namespace"] = maker.one(NAMESPACE, NAMESPACE, NAMESPACE, "default")
        head = {"apiVersion": made["apiVersion"], "kind": made["kind"], "metadata": metadata}
        yield head | {key: value for key, value in made.items() if key not in head}
