"""Terraform's Kubernetes resources as Kubernetes objects, judged by the same controls."""

from __future__ import annotations

import json
import shutil

import pytest

from assay.engine.cli import main
from assay.engine.kubernetes import provider

TERRAFORM = """\
variable "image" {}
resource "kubernetes_namespace" "a" {
  metadata { name = "shop" }
}
resource "kubernetes_deployment_v1" "web" {
  metadata {
    name      = "web"
    namespace = kubernetes_namespace.a.metadata[0].name
    labels    = { "app.kubernetes.io/name" = "web" }
  }
  spec {
    replicas = "2"
    selector { match_labels = { run_as = "web" } }
    template {
      metadata { labels = { run_as = "web" } }
      spec {
        host_network = true
        affinity {
          node_affinity {
            required_during_scheduling_ignored_during_execution {
              node_selector_term {
                match_expressions {
                  key      = "zone"
                  operator = "Exists"
                }
              }
            }
          }
        }
        container {
          name  = "web"
          image = var.image
          security_context {
            privileged  = true
            run_as_user = "0"
            capabilities { drop = ["ALL"] }
          }
          port { container_port = 80 }
          readiness_probe {
            http_get {
              path = "/"
              port = "http"
            }
          }
        }
        volume {
          name = "tmp"
          empty_dir {}
        }
      }
    }
  }
}
resource "kubernetes_role" "r" {
  metadata { name = "r" }
  rule {
    api_groups = [""]
    resources  = ["pods"]
    verbs      = ["get"]
  }
}
resource "kubernetes_manifest" "m" {
  manifest = {
    apiVersion = "v1"
    kind       = "ConfigMap"
    metadata   = { name = "c", namespace = "shop" }
    data       = { a = "b" }
  }
}
resource "kubernetes_manifest" "later" {
  manifest = yamldecode(var.image)
}
resource "helm_release" "remote" {
  name       = "remote"
  repository = "https://charts.example.test"
  chart      = "thing"
}
resource "helm_release" "absent" {
  name  = "absent"
  chart = "./charts/absent"
}
"""
CHART = """\
apiVersion: v1
kind: Service
metadata:
  name: {{ .Release.Name }}-{{ .Values.suffix }}
spec:
  ports:
    - port: {{ .Values.port }}
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "main.tf").write_text(TERRAFORM)
    return tmp_path


def seen(capsys, folder):
    main(["resources", str(folder), "-f", "json"])
    found = json.loads(capsys.readouterr().out)
    return {each["address"]: each for each in found["resources"] if each["source"] == "terraform"}


def test_blocks_become_the_fields_of_the_object(folder, capsys):
    found = seen(capsys, folder)
    web = found["apps/Deployment/shop/web"]
    assert (web["kind"], web["file"], web["line"]) == ("apps/v1/Deployment", "main.tf", 5)
    assert web["unknown"] == ["spec.template.spec.containers[0].image"]
    term = {"matchExpressions": [{"key": "zone", "operator": "Exists"}]}
    required = {"nodeSelectorTerms": [term]}
    assert web["values"] == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": "web",
            "namespace": "shop",
            "labels": {"app.kubernetes.io/name": "web"},
        },
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"run_as": "web"}},
            "template": {
                "metadata": {"labels": {"run_as": "web"}},
                "spec": {
                    "hostNetwork": True,
                    "affinity": {
                        "nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}
                    },
                    "containers": [
                        {
                            "name": "web",
                            "securityContext": {
                                "privileged": True,
                                "runAsUser": 0,
                                "capabilities": {"drop": ["ALL"]},
                            },
                            "ports": [{"containerPort": 80}],
                            "readinessProbe": {"httpGet": {"path": "/", "port": "http"}},
                        }
                    ],
                    "volumes": [{"name": "tmp", "emptyDir": {}}],
                },
            },
        },
    }
    assert found["Namespace/-/shop"]["values"]["metadata"] == {"name": "shop"}
    role = found["rbac.authorization.k8s.io/Role/default/r"]["values"]
    assert role["rules"] == [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]
    assert found["ConfigMap/shop/c"]["values"]["data"] == {"a": "b"}


def test_a_fail_points_at_the_terraform_line(folder, capsys):
    code = main(["scan", str(folder), "-f", "json", "--control", "network-no-host-network"])
    report = json.loads(capsys.readouterr().out)
    (fail,) = [each for each in report["findings"] if each["status"] == "fail"]
    assert code == 1
    assert fail["resource"]["address"] == "apps/Deployment/shop/web"
    assert [(each["file"], each["line"]) for each in fail["violations"]] == [("main.tf", 17)]
    assert {
        (gap["kind"], gap["subject"], gap["reason"]) for gap in report["gaps"] if gap["blocks"]
    } == {
        ("document", "kubernetes_manifest.later", "its manifest is not known before apply"),
        (
            "chart",
            "helm_release.remote",
            "its chart is remote and was not rendered: scan the chart itself",
        ),
        (
            "chart",
            "helm_release.absent",
            "its chart `./charts/absent` is not among what is scanned",
        ),
    }


@pytest.mark.parametrize("kind", ["plan", "state"])
def test_plans_and_states_give_the_same_objects(kind, tmp_path, capsys):
    values = {
        "metadata": [{"name": "n", "namespace": "shop"}],
        "spec": [{"container": [{"name": "a", "image": "b", "security_context": []}]}],
    }
    resource = {
        "address": "kubernetes_pod_v1.p",
        "mode": "managed",
        "type": "kubernetes_pod_v1",
        "name": "p",
        "provider_name": "registry.terraform.io/hashicorp/kubernetes",
        "schema_version": 1,
        "values": values,
    }
    module = {"root_module": {"resources": [resource]}}
    document = {"format_version": "1.2", "terraform_version": "1.11.4"}
    if kind == "plan":
        change = {"actions": ["create"], "before": None, "after": values, "after_unknown": {}}
        entry = {key: resource[key] for key in ("address", "mode", "type", "name", "provider_name")}
        document |= {"planned_values": module, "resource_changes": [{**entry, "change": change}]}
    else:
        document |= {"values": module}
    file = tmp_path / "terraform.json"
    file.write_text(json.dumps(document))
    main(["resources", f"--{kind}", str(file), "-f", "json"])
    found = json.loads(capsys.readouterr().out)["resources"]
    (pod,) = [each for each in found if each["kind"] == "Pod"]
    assert (pod["source"], pod["address"]) == (kind, "Pod/shop/n")
    assert pod["values"]["spec"]["containers"][0]["image"] == "b"


@pytest.mark.skipif(not shutil.which("helm"), reason="there is no `helm` on PATH")
def test_a_release_of_a_chart_in_the_tree_is_rendered_with_its_values(tmp_path, capsys):
    (tmp_path / "main.tf").write_text(
        """\
resource "helm_release" "shop" {
  name      = "shop"
  chart     = "${path.module}/charts/app"
  namespace = "web"
  values    = [yamlencode({ port = 81 })]
  set {
    name  = "suffix"
    value = "b"
  }
}
"""
    )
    templates = tmp_path / "charts/app/templates"
    templates.mkdir(parents=True)
    (templates / "s.yaml").write_text(CHART)
    (templates.parent / "Chart.yaml").write_text("apiVersion: v2\nname: app\nversion: 0.1.0\n")
    (templates.parent / "values.yaml").write_text("port: 80\nsuffix: a\n")
    found = seen(capsys, tmp_path)
    service = found["Service/web/shop-b"]
    assert service["file"] == "charts/app/templates/s.yaml"
    assert service["values"]["spec"] == {"ports": [{"port": 81}]}


@pytest.mark.parametrize(
    ("type", "declared"),
    [
        ("kubernetes_stateful_set", ("apps/v1", "StatefulSet")),
        ("kubernetes_horizontal_pod_autoscaler_v2", ("autoscaling/v2", "HorizontalPodAutoscaler")),
        ("kubernetes_ingress", ("extensions/v1beta1", "Ingress")),
        ("kubernetes_ingress_v1", ("networking.k8s.io/v1", "Ingress")),
        ("kubernetes_labels", None),
    ],
)
def test_types_and_their_kinds(type, declared):
    assert provider.kind_of(type) == declared


def test_names_and_annotations_that_are_not_known(tmp_path, capsys) -> None:
    (tmp_path / "main.tf").write_text(
        """\
variable "name" { type = string }
variable "notes" { type = map(string) }
resource "kubernetes_manifest" "a" {
  manifest = {
    apiVersion = "v1"
    kind       = "ConfigMap"
    metadata   = { name = var.name, namespace = "shop", annotations = var.notes }
    data       = { a = "b" }
  }
}
"""
    )
    assert main(["resources", str(tmp_path), "-f", "json"]) == 0
    found = json.loads(capsys.readouterr().out)["resources"]
    (shown,) = (each for each in found if each["kind"] == "ConfigMap")
    assert shown["unknown"] == ["metadata.annotations", "metadata.name"]
    assert shown["values"]["data"] == {"a": "b"}
