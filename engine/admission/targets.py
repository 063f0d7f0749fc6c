"""The kinds that an admission policy names: group, version, plural and scope.

A policy matches resources by their plural. Those of built-in kinds follow from their names; of
custom kinds only what the published CRDs say is known, and the rest is refused, never guessed.
"""

from __future__ import annotations

from typing import NamedTuple

from assay.engine.judge.workloads import TEMPLATES
from assay.engine.kubernetes import kinds
from assay.engine.model import Path

# (group, kind) → plural, from the CRDs that the projects publish.
CUSTOM = {
    ("acme.cert-manager.io", "Challenge"): "challenges",
    ("argoproj.io", "AnalysisTemplate"): "analysistemplates",
    ("argoproj.io", "AppProject"): "appprojects",
    ("argoproj.io", "Application"): "applications",
    ("argoproj.io", "ApplicationSet"): "applicationsets",
    ("argoproj.io", "ClusterAnalysisTemplate"): "clusteranalysistemplates",
    ("argoproj.io", "ClusterWorkflowTemplate"): "clusterworkflowtemplates",
    ("argoproj.io", "Rollout"): "rollouts",
    ("argoproj.io", "Workflow"): "workflows",
    ("argoproj.io", "WorkflowTemplate"): "workflowtemplates",
    ("cert-manager.io", "Certificate"): "certificates",
    ("cert-manager.io", "ClusterIssuer"): "clusterissuers",
    ("cert-manager.io", "Issuer"): "issuers",
    ("config.gatekeeper.sh", "Config"): "configs",
    ("crd.projectcalico.org", "FelixConfiguration"): "felixconfigurations",
    ("crd.projectcalico.org", "GlobalNetworkPolicy"): "globalnetworkpolicies",
    ("crd.projectcalico.org", "HostEndpoint"): "hostendpoints",
    ("crd.projectcalico.org", "NetworkPolicy"): "networkpolicies",
    ("external-secrets.io", "ClusterSecretStore"): "clustersecretstores",
    ("external-secrets.io", "ExternalSecret"): "externalsecrets",
    ("external-secrets.io", "SecretStore"): "secretstores",
    ("gateway.networking.k8s.io", "Gateway"): "gateways",
    ("gateway.networking.k8s.io", "GatewayClass"): "gatewayclasses",
    ("gateway.networking.k8s.io", "HTTPRoute"): "httproutes",
    ("jaegertracing.io", "Jaeger"): "jaegers",
    ("k8s.keycloak.org", "Keycloak"): "keycloaks",
    ("k8s.keycloak.org", "KeycloakRealmImport"): "keycloakrealmimports",
    ("kafka.strimzi.io", "Kafka"): "kafkas",
    ("karpenter.k8s.aws", "EC2NodeClass"): "ec2nodeclasses",
    ("karpenter.sh", "NodePool"): "nodepools",
    ("keda.sh", "ScaledJob"): "scaledjobs",
    ("keda.sh", "ScaledObject"): "scaledobjects",
    ("litmuschaos.io", "ChaosEngine"): "chaosengines",
    ("monitoring.coreos.com", "Alertmanager"): "alertmanagers",
    ("monitoring.coreos.com", "PodMonitor"): "podmonitors",
    ("monitoring.coreos.com", "Prometheus"): "prometheuses",
    ("monitoring.coreos.com", "PrometheusRule"): "prometheusrules",
    ("monitoring.coreos.com", "ServiceMonitor"): "servicemonitors",
    ("networking.istio.io", "DestinationRule"): "destinationrules",
    ("networking.istio.io", "EnvoyFilter"): "envoyfilters",
    ("networking.istio.io", "Gateway"): "gateways",
    ("networking.istio.io", "ServiceEntry"): "serviceentries",
    ("networking.istio.io", "Sidecar"): "sidecars",
    ("networking.istio.io", "VirtualService"): "virtualservices",
    ("opentelemetry.io", "OpenTelemetryCollector"): "opentelemetrycollectors",
    ("policy.linkerd.io", "ServerAuthorization"): "serverauthorizations",
    ("postgresql.cnpg.io", "Backup"): "backups",
    ("postgresql.cnpg.io", "Cluster"): "clusters",
    ("postgresql.cnpg.io", "Pooler"): "poolers",
    ("postgresql.cnpg.io", "ScheduledBackup"): "scheduledbackups",
    ("projectcalico.org", "FelixConfiguration"): "felixconfigurations",
    ("projectcalico.org", "GlobalNetworkPolicy"): "globalnetworkpolicies",
    ("projectcalico.org", "NetworkPolicy"): "networkpolicies",
    ("security.istio.io", "AuthorizationPolicy"): "authorizationpolicies",
    ("security.istio.io", "PeerAuthentication"): "peerauthentications",
    ("security.istio.io", "RequestAuthentication"): "requestauthentications",
    ("snapshot.storage.k8s.io", "VolumeSnapshotClass"): "volumesnapshotclasses",
    ("telemetry.istio.io", "Telemetry"): "telemetries",
    ("templates.gatekeeper.sh", "ConstraintTemplate"): "constrainttemplates",
    ("traefik.io", "IngressRoute"): "ingressroutes",
    ("traefik.io", "Middleware"): "middlewares",
    ("traefik.io", "TLSOption"): "tlsoptions",
    ("velero.io", "BackupStorageLocation"): "backupstoragelocations",
    ("velero.io", "Schedule"): "schedules",
}
CONSTRAINTS = "constraints.gatekeeper.sh"  # Gatekeeper makes their CRDs itself, from templates
IRREGULAR = {"Endpoints": "endpoints"}


class Target(NamedTuple):
    """One kind as policies match it; `template` is where its pod template lies, if it has one."""

    kind: str  # as controls name it
    group: str
    version: str
    name: str  # the last part of the kind
    plural: str
    namespaced: bool
    template: Path | None


def target(kind: str) -> Target | None:
    """The target of a kind; None for a custom one whose plural or scope is not known."""
    group, version, name = split(kind)
    scope = kinds.namespaced(group, name, {})
    plural = plural_of(group, name)
    if plural is None or scope is None:
        return None
    return Target(kind, group, version, name, plural, scope, TEMPLATES.get(kind))


def split(kind: str) -> tuple[str, str, str]:
    """Group, version and name of a kind as controls name it."""
    parts = kind.split("/")
    return (parts[0], parts[1], parts[2]) if len(parts) == 3 else ("", "v1", parts[-1])


def plural_of(group: str, name: str) -> str | None:
    """The resource of a kind, None where nobody said."""
    if group == CONSTRAINTS:
        return name.lower()
    if not kinds.is_builtin(group):
        return CUSTOM.get((group, name))
    lower = name.lower()
    if name in IRREGULAR:
        return IRREGULAR[name]
    if lower.endswith("y") and lower[-2] not in "aeiou":
        return f"{lower[:-1]}ies"
    return f"{lower}es" if lower.endswith(("s", "x", "ch", "sh")) else f"{lower}s"
