"""Writes answers.json anew: `python -m tests.terraform.record`, with terraform on the PATH."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from tests.terraform import oracle
from tests.terraform.test_truth import RECORDED, WRITTEN


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        answers = oracle.ask(WRITTEN, Path(folder))
    RECORDED.write_text(json.dumps(answers, indent=0, ensure_ascii=True) + "\n")


if __name__ == "__main__":
    main()
