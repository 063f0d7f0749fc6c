"""The real API server for the tests of this folder."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))

from tools.cluster import apiserver  # noqa: F401
