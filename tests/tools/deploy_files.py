"""Writes what deploy/ holds that is generated: the audit's rights, and its chart as manifests."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from assay.engine.catalogue.load import load
from assay.engine.commands import clusters, rbac

DEPLOY = Path(__file__).parents[2] / "deploy"
RULES = DEPLOY / "chart/rules.yaml"
MANIFESTS = DEPLOY / "audit.yaml"
TOOLS = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "assay-tools"


def rules() -> str:
    """The content of rules.yaml: exactly the kinds that the controls read."""
    return rbac.text(clusters.needed(load([])))


def helm() -> str | None:
    """Where Helm is, if it is anywhere."""
    return shutil.which("helm") or shutil.which("helm", path=str(TOOLS))


def manifests(program: str) -> str:
    """The content of audit.yaml: the chart with its own values, in a namespace of its own."""
    words = ["template", "assay", str(DEPLOY / "chart"), "--namespace", "assay"]
    command = [program, *words, "--set", "createNamespace=true"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return f"# Generated from chart/ by tests/tools/deploy_files.py.\n{done.stdout}"


def main() -> None:
    """Write both files; the second where there is a Helm."""
    RULES.write_text(rules(), "utf-8")
    program = helm()
    if program:
        MANIFESTS.write_text(manifests(program), "utf-8")


if __name__ == "__main__":
    main()
