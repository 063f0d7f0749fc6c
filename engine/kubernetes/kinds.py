"""Which kinds are cluster-wide, which are lists, and where they keep a pod: facts as tables.

Built-in scopes are those of Kubernetes 1.37's own discovery, with the groups that older manifests
still name; those of custom kinds come from the published CRDs. A CRD in the scan teaches its own.
"""

from __future__ import annotations

from collections.abc import Mapping

# group → cluster-wide kinds. In a group that is named here every other kind has a namespace.
BUILTIN: dict[str, frozenset[str]] = {
    "": frozenset({"ComponentStatus", "Namespace", "Node", "PersistentVolume"}),
    "admissionregistration.k8s.io": frozenset(
        {
            "MutatingAdmissionPolicy",
            "MutatingAdmissionPolicyBinding",
            "MutatingWebhookConfiguration",
            "ValidatingAdmissionPolicy",
            "ValidatingAdmissionPolicyBinding",
            "ValidatingWebhookConfiguration",
        }
    ),
    "apiextensions.k8s.io": frozenset({"CustomResourceDefinition"}),
    "apiregistration.k8s.io": frozenset({"APIService"}),
    "apps": frozenset(),
    "authentication.k8s.io": frozenset({"SelfSubjectReview", "TokenReview"}),
    "authorization.k8s.io": frozenset(
        {"SelfSubjectAccessReview", "SelfSubjectRulesReview", "SubjectAccessReview"}
    ),
    "autoscaling": frozenset(),
    "batch": frozenset(),
    "certificates.k8s.io": frozenset({"CertificateSigningRequest", "ClusterTrustBundle"}),
    "coordination.k8s.io": frozenset(),
    "discovery.k8s.io": frozenset(),
    "events.k8s.io": frozenset(),
    "extensions": frozenset({"PodSecurityPolicy"}),
    "flowcontrol.apiserver.k8s.io": frozenset({"FlowSchema", "PriorityLevelConfiguration"}),
    "internal.apiserver.k8s.io": frozenset({"StorageVersion"}),
    "networking.k8s.io": frozenset({"IPAddress", "IngressClass", "ServiceCIDR"}),
    "node.k8s.io": frozenset({"RuntimeClass"}),
    "policy": frozenset({"PodSecurityPolicy"}),
    "rbac.authorization.k8s.io": frozenset({"ClusterRole", "ClusterRoleBinding"}),
    "resource.k8s.io": frozenset(
        {"DeviceClass", "DeviceTaintRule", "ResourcePoolStatusRequest", "ResourceSlice"}
    ),
    "scheduling.k8s.io": frozenset({"PriorityClass"}),
    "storage.k8s.io": frozenset(
        {"CSIDriver", "CSINode", "StorageClass", "VolumeAttachment", "VolumeAttributesClass"}
    ),
    "storagemigration.k8s.io": frozenset({"StorageVersionMigration"}),
}
# The same for groups that CRDs define.
CUSTOM: dict[str, frozenset[str]] = {
    "acme.cert-manager.io": frozenset(),
    "argoproj.io": frozenset({"ClusterAnalysisTemplate", "ClusterWorkflowTemplate"}),
    "cert-manager.io": frozenset({"ClusterIssuer"}),
    "config.gatekeeper.sh": frozenset(),
    "crd.projectcalico.org": frozenset(
        {
            "BGPConfiguration",
            "BGPFilter",
            "BGPPeer",
            "BlockAffinity",
            "CalicoNodeStatus",
            "ClusterInformation",
            "FelixConfiguration",
            "GlobalNetworkPolicy",
            "GlobalNetworkSet",
            "HostEndpoint",
            "IPAMBlock",
            "IPAMConfig",
            "IPAMHandle",
            "IPPool",
            "IPReservation",
            "KubeControllersConfiguration",
            "Tier",
        }
    ),
    "external-secrets.io": frozenset(
        {"ClusterExternalSecret", "ClusterPushSecret", "ClusterSecretStore"}
    ),
    "gateway.networking.k8s.io": frozenset({"GatewayClass"}),
    "grafana.integreatly.org": frozenset(),
    "jaegertracing.io": frozenset(),
    "k8s.keycloak.org": frozenset(),
    "k8s.nginx.org": frozenset(),
    "kafka.strimzi.io": frozenset(),
    "karpenter.k8s.aws": frozenset({"EC2NodeClass"}),
    "karpenter.sh": frozenset({"NodeClaim", "NodeOverlay", "NodePool"}),
    "keda.sh": frozenset({"ClusterCloudEventSource", "ClusterTriggerAuthentication"}),
    "kyverno.io": frozenset({"ClusterCleanupPolicy", "ClusterPolicy", "GlobalContextEntry"}),
    "litmuschaos.io": frozenset(),
    "monitoring.coreos.com": frozenset(),
    "mutations.gatekeeper.sh": frozenset({"Assign", "AssignImage", "AssignMetadata", "ModifySet"}),
    "networking.istio.io": frozenset(),
    "opentelemetry.io": frozenset(),
    "policy.linkerd.io": frozenset(),
    "postgresql.cnpg.io": frozenset({"ClusterImageCatalog"}),
    "security.istio.io": frozenset(),
    "snapshot.storage.k8s.io": frozenset({"VolumeSnapshotClass", "VolumeSnapshotContent"}),
    "telemetry.istio.io": frozenset(),
    "templates.gatekeeper.sh": frozenset({"ConstraintTemplate"}),
    "traefik.io": frozenset(),
    "vault.hashicorp.com": frozenset(),
    "secrets.hashicorp.com": frozenset(),
    "velero.io": frozenset(),
}
CUSTOM["projectcalico.org"] = CUSTOM["crd.projectcalico.org"]
CLUSTER_GROUPS = frozenset({"constraints.gatekeeper.sh", "operator.tigera.io"})
# Files of client programs that wear `apiVersion` and `kind` and are no objects of a cluster.
CLIENT_GROUPS = frozenset({"backstage.io", "kind.x-k8s.io", "kustomize.config.k8s.io", "skaffold"})
TEMPLATE = ("spec", "template")
POD_TEMPLATES: dict[str, tuple[str, ...]] = {
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
    "DaemonSet": TEMPLATE,
    "Deployment": TEMPLATE,
    "Job": TEMPLATE,
    "Pod": (),
    "PodTemplate": ("template",),
    "ReplicaSet": TEMPLATE,
    "ReplicationController": TEMPLATE,
    "Rollout": TEMPLATE,
    "StatefulSet": TEMPLATE,
}


def name(api_version: str, kind: str) -> str:
    """The name that controls use: `group/version/Kind`, or `Kind` alone in the core group."""
    return f"{api_version}/{kind}" if "/" in api_version else kind


def group(api_version: str) -> str:
    """The group of an apiVersion: `apps` of `apps/v1`, the empty text of `v1`."""
    return api_version.rpartition("/")[0]


def is_builtin(group: str) -> bool:
    """Whether Kubernetes itself serves the group."""
    return group in BUILTIN


def namespaced(group: str, kind: str, learnt: Mapping[tuple[str, str], bool]) -> bool | None:
    """Whether objects of the kind live in a namespace; None where nobody said.

    `learnt` holds what the CRDs of this scan say, by (group, kind).
    """
    known = BUILTIN.get(group)
    if known is not None:
        return kind not in known
    if (group, kind) in learnt:
        return learnt[group, kind]
    if group in CLUSTER_GROUPS:
        return False
    known = CUSTOM.get(group)
    return None if known is None else kind not in known


def address(group: str, kind: str, namespace: str | None, name: str) -> str:
    """`group/Kind/namespace/name`, without the group in the core group.

    `-` stands for cluster scope, `?` for a namespace that is not known.
    """
    where = "?" if namespace is None else namespace or "-"
    return f"{group}/{kind}/{where}/{name}" if group else f"{kind}/{where}/{name}"


def is_custom(api_version: str) -> bool:
    """Whether the kinds of this version are others' than those of Kubernetes itself."""
    group = api_version.rpartition("/")[0]
    return "." in group and not group.endswith(".k8s.io")
