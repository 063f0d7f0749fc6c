"""The source options that scan, resources and others share, and the loaders behind them."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from assay.engine.commands import clusters, configuring, terraform_kubernetes
from assay.engine.errors import printable, usage
from assay.engine.files import Tree, discover
from assay.engine.model import Loaded

TERRAFORM = (".tf", ".tf.json", ".tofu", ".tofu.json")
MIN_KEY = 8  # bytes
MAX_KEY = 64 * 1024
PIPELINES = (
    ".gitlab-ci.yml",
    "atlantis.yaml",
    "atlantis.yml",
    "repos.yaml",
    "repos.yml",
    ".json",
    "values.yaml",
    "values.yml",
)


def options(parser: argparse.ArgumentParser) -> None:
    """Options about what is read."""
    terraform = parser.add_argument_group("Terraform")
    terraform.add_argument("--plan", action="append", default=[], metavar="FILE")
    terraform.add_argument("--state", action="append", default=[], metavar="FILE")
    terraform.add_argument("--var", action="append", default=[], metavar="NAME=VALUE")
    terraform.add_argument("--var-file", action="append", default=[], metavar="FILE")
    terraform.add_argument("--workspace", default="default", metavar="NAME")
    terraform.add_argument("--tf-env", action="store_true", help="read TF_VAR_*")
    terraform.add_argument("--facts", metavar="FILE", help="answers of data sources, JSON")
    kubernetes = parser.add_argument_group("Kubernetes")
    kubernetes.add_argument("--values", action="append", default=[], metavar="FILE")
    kubernetes.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    kubernetes.add_argument("--kube-version", default="", metavar="VERSION")
    kubernetes.add_argument(
        "--api-versions",
        action="append",
        default=[],
        metavar="VERSION",
        help="what charts are told the cluster serves, such as monitoring.coreos.com/v1",
    )
    kubernetes.add_argument("--namespace", metavar="NAME", help="of objects that name none")
    clusters.options(parser)
    configuring.options(parser)
    parser.add_argument("--environment", default="default", metavar="NAME")
    parser.add_argument(
        "--fingerprint-key",
        metavar="FILE",
        help="a file with a key (or the key): secrets that are found get a fingerprint",
    )
    parser.add_argument("--show-sensitive", action="store_true", help="print marked values")


def fingerprint_key(word: str | None) -> bytes | None:
    """The key of fingerprints: the content of the file of that name, else the word itself."""
    if word is None:
        return None
    path = Path(word)
    try:
        key = path.read_bytes()[:MAX_KEY].strip() if path.is_file() else word.encode()
    except OSError as error:
        raise usage(f"the fingerprint key cannot be read: {error.strerror or error}") from None
    if len(key) < MIN_KEY:
        help = "a word that is no file is the key itself"
        raise usage(f"a fingerprint key has {MIN_KEY} bytes or more", help, "fingerprint-key")
    return key


def check(args: argparse.Namespace) -> None:
    """Refuse what cannot be, before any work."""
    from assay.engine.cel.extensions.secrets import FINGERPRINT_KEY

    FINGERPRINT_KEY.set(fingerprint_key(getattr(args, "fingerprint_key", None)))
    clusters.check(args)
    if not (args.paths or args.plan or args.state or args.cluster or args.snapshot):
        raise usage("nothing to judge: give a PATH", "`assay scan .` judges this folder")


def discovered(args: argparse.Namespace) -> Tree:
    """The files below the paths given. Raises InputError for arguments that cannot be."""
    check(args)
    return configuring.tree_of(args, discover(args.paths))


def load(args: argparse.Namespace, tree: Tree) -> list[Loaded]:
    """What every loader sees in the tree; a loader is imported only if it has something to do."""
    loaded: list[Loaded] = []
    if args.plan or args.state or any(tree.with_suffix(*TERRAFORM)):
        loaded += terraform_kubernetes.with_objects(_terraform(args, tree), tree)
    loaded.append(_kubernetes(args, tree))
    if any(tree.with_suffix(*PIPELINES)):
        from assay.engine.pipelines import loader as pipelines

        if pipelines.wanted(tree):
            loaded.append(pipelines.load(tree, pipelines.Options(args.environment)))
    config = configuring.of(args)
    if config is not None and config.members:
        from assay.engine.project import overrides

        overrides.assign(loaded, config, tree)
    loaded += clusters.load(args)
    loaded.append(Loaded([], [], list(tree.gaps)))
    return loaded


def _terraform(args: argparse.Namespace, tree: Tree) -> Loaded:
    from assay.engine.terraform import loader as terraform

    variables = []
    for word in args.var:
        name, equals, value = word.partition("=")
        if not equals:
            raise usage(f"--var takes NAME=VALUE, not `{word}`")
        variables.append((name, value))
    given = terraform.Options(
        environment=args.environment,
        plans=tuple(args.plan),
        states=tuple(args.state),
        variables=tuple(variables),
        variable_files=tuple(args.var_file),
        workspace=args.workspace,
        process_environment=dict(os.environ) if args.tf_env else {},
        facts=_facts(args.facts),
        inputs=configuring.inputs(args, tree),
    )
    return terraform.load(tree, given)


def api_versions(args: argparse.Namespace) -> tuple[str, ...]:
    """The words of `--api-versions`: several in one go are parted by commas, as in Helm."""
    return tuple(name for word in args.api_versions for name in word.split(",") if name)


def _facts(file: str | None) -> dict[str, Any]:
    if file is None:
        return {}
    try:
        found = json.loads(Path(file).read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise usage(f"the facts cannot be read: {printable(str(error))}") from None
    if not isinstance(found, dict):
        raise usage("the facts must be a JSON object of addresses")
    return found


def keepable() -> Callable[[Any], bool]:
    """A function that tells whether an object holds no secret, so that it may lie in a cache."""
    from assay.engine.cel.extensions import secrets
    from assay.engine.judge import literals
    from assay.engine.kubernetes import redaction
    from assay.engine.model import Place, Resource

    clean: set[tuple[str, str]] = set()

    def safe(values: Any) -> bool:
        kind = str(values.get("kind"))
        if redaction.paths(kind, values):
            return False
        # By its words alone: a kind whose texts are not judged may hold one all the same.
        for _, name, text in literals.texts(Resource("chart", "object", "", values, Place(""))):
            if (name, text) not in clean:
                if secrets.kind(name, text):
                    return False
                clean.add((name, text))
        return True

    return safe


def _kubernetes(args: argparse.Namespace, tree: Tree) -> Loaded:
    from assay.engine.kubernetes import loader as kubernetes
    from assay.engine.kubernetes.renderings import Rendering

    rendering = Rendering(
        environment=args.environment,
        namespace=args.namespace,
        values=tuple(args.values),
        sets=tuple(args.set),
        kube_version=args.kube_version,
        api_versions=api_versions(args),
    )
    given = kubernetes.Options(
        args.environment,
        args.namespace,
        (*configuring.renderings(args, tree), rendering),
        None if getattr(args, "no_cache", True) else keepable(),
    )
    return kubernetes.load(tree, given)
