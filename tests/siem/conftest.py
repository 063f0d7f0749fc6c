"""A real OpenSearch for the tests that need one, and the public corpus."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NODE = ROOT / "tests/tools/opensearch/node"


@pytest.fixture(scope="session")
def opensearch() -> Iterator[str]:
    """The URL of a node that lives as long as the tests. Skips where none can be started."""
    if shutil.which("mvn") is None and not os.environ.get("OPENSEARCH_NODE_CACHE"):
        pytest.skip("needs Maven to resolve OpenSearch")
    name = f"pytest-{os.getpid()}"
    command = [sys.executable, str(NODE)]
    started = subprocess.run(
        [*command, "start", "--name", name], capture_output=True, text=True, check=False
    )
    if started.returncode:
        pytest.skip(f"no OpenSearch node: {started.stderr.strip().splitlines()[0]}")
    try:
        yield started.stdout.strip()
    finally:
        subprocess.run([*command, "stop", "--name", name], check=False)


@pytest.fixture(scope="session")
def sigmahq() -> Path:
    """The folder of SigmaHQ's rules and recorded events. Skips where it is missing."""
    folder = Path(os.environ.get("ASSAY_CORPORA", ROOT.parent / "shared/corpora")) / "sigmahq"
    if not folder.is_dir():
        pytest.skip("needs the public corpora beside the repository or in $ASSAY_CORPORA")
    return folder
