"""All benchmarks, one after the other, and the table of the README.

python -m tests.bench [--write] [NAME…]

Each benchmark is a program of its own that prints what it measured, with the peers that are
installed in the same run; `--write` puts the tables between the marks of docs/benchmarks.md.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "benchmarks.md"
BEGIN, END = "<!-- measured -->", "<!-- /measured -->"
SECONDS = 1800


def names() -> list[str]:
    """The benchmarks, in order."""
    return sorted(path.stem for path in HERE.glob("*.py") if not path.stem.startswith("_"))


def run(name: str) -> str:
    """What one prints, or why it did not end well."""
    command = [sys.executable, str(HERE / f"{name}.py")]
    try:
        ran = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return f"not measured: it took more than {SECONDS} seconds"
    if ran.returncode not in (0, 1):
        last = (ran.stderr.strip().splitlines() or ["no word"])[-1]
        return f"not measured: {last}"
    return ran.stdout.rstrip()


def machine() -> str:
    """What it ran on, in words that name no place."""
    return f"{os.cpu_count()} processors, {platform.system()}, Python {platform.python_version()}"


def main(words: list[str]) -> int:
    chosen = [word for word in words if not word.startswith("-")] or names()
    unknown = sorted(set(chosen) - set(names()))
    if unknown:
        print(f"no benchmark {', '.join(unknown)}; there are {', '.join(names())}", file=sys.stderr)
        return 2
    parts = [f"Measured on {machine()}."]
    for name in chosen:
        start = time.monotonic()
        text = run(name)
        parts.append(f"### {name}\n\n```text\n{text}\n```")
        print(f"== {name} ({time.monotonic() - start:.0f} s)\n{text}\n", flush=True)
    if "--write" in words:
        page = PAGE.read_text("utf-8")
        before, _, rest = page.partition(BEGIN)
        after = rest.partition(END)[2]
        body = "\n\n".join(parts)
        PAGE.write_text(f"{before}{BEGIN}\n\n{body}\n\n{END}{after}", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
