"""Validations, preconditions and module arguments: refused where Terraform refuses them."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay.engine.files import discover
from assay.engine.terraform.loader import Options, load

VARIABLE = """
variable "size" {
  default = %s
  validation {
    condition     = var.size > 3
    error_message = "Too small."
  }
}
"""
INNER = 'variable "needed" {}\nvariable "free" { default = 1 }\n'
CASES = {
    "a value that meets its validation": (VARIABLE % "4", []),
    "a value that does not": (
        VARIABLE % "2",
        [(5, "terraform-condition", "the value of `var.size` does not meet its validation")],
    ),
    "a variable without a value": ((VARIABLE % "4").replace("  default = 4\n", ""), []),
    "a condition that is no bool": (
        'variable "a" {\n  default = 1\n  validation {\n    condition = "x${var.a}"\n'
        '    error_message = "m"\n  }\n}\n',
        [(4, "terraform-condition", "a condition must be true or false: ")],
    ),
    "a precondition": (
        'resource "terraform_data" "a" {\n  count = 2\n  lifecycle {\n    precondition {\n'
        '      condition     = count.index < 1\n      error_message = "m"\n    }\n  }\n}\n',
        [(5, "terraform-condition", "a precondition of `a` is false")],
    ),
    "a precondition on what is not known": (
        'resource "terraform_data" "b" {}\nresource "terraform_data" "a" {\n  lifecycle {\n'
        '    precondition {\n      condition = terraform_data.b.id != "x"\n'
        '      error_message = "m"\n    }\n  }\n}\n',
        [],
    ),
    "an output's precondition": (
        'output "o" {\n  value = 1\n  precondition {\n    condition = 1 > 2\n'
        '    error_message = "m"\n  }\n}\n',
        [(4, "terraform-condition", "a precondition of `output.o` is false")],
    ),
    "a module called rightly": (
        'module "m" {\n  source = "./inner"\n  needed = null\n  depends_on = []\n}\n',
        [],
    ),
    "a module called wrongly": (
        'module "m" {\n  source = "./inner"\n  fre = 2\n}\n',
        [
            (1, "terraform-argument", "the module needs the argument `needed`"),
            (3, "terraform-argument", "the module takes no argument `fre`"),
        ],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_what_terraform_refuses_is_an_error(name: str, tmp_path: Path) -> None:
    text, wanted = CASES[name]
    (tmp_path / "main.tf").write_text(text)
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "main.tf").write_text(INNER)
    found = sorted(
        (error.place.line, error.code, error.message)
        for error in load(discover([str(tmp_path)]), Options()).errors
    )
    assert [each[:2] for each in found] == [each[:2] for each in wanted]
    assert all(got[2].startswith(words[2]) for got, words in zip(found, wanted, strict=True))


def test_the_words_of_a_false_condition_are_shown_only_where_they_are_constant(
    tmp_path: Path,
) -> None:
    text = VARIABLE % "2" + (VARIABLE % "1").replace("size", "other").replace(
        "Too small.", "Not ${var.other}."
    )
    (tmp_path / "main.tf").write_text(text)
    errors = load(discover([str(tmp_path)]), Options()).errors
    assert sorted((error.subject, error.help) for error in errors) == [
        ("var.other", ""),
        ("var.size", "Too small."),
    ]
