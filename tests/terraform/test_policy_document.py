"""aws_iam_policy_document: the text that the AWS provider 5.100.0 gives for the same blocks."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay.engine.files import discover
from assay.engine.terraform.loader import Options, load

CONFIGURATION = """
data "aws_iam_policy_document" "a" {
  statement {
    sid       = "one"
    actions   = ["s3:GetObject", "s3:PutObject", "s3:*"]
    resources = ["arn:aws:s3:::b/*", "arn:aws:s3:::a"]
    principals {
      type        = "AWS"
      identifiers = ["arn:aws:iam::111122223333:root", "*"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceVpc"
      values   = ["b", "a"]
    }
  }
  statement {
    effect      = "Deny"
    not_actions = ["iam:*"]
    resources   = ["*"]
  }
}
data "aws_iam_policy_document" "b" {
  source_policy_documents = [data.aws_iam_policy_document.a.json]
  statement {
    sid     = "one"
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["ec2.amazonaws.com"]
    }
  }
}
data "aws_iam_policy_document" "c" {
  statement {
    actions   = ["s3:*"]
    resources = ["arn:aws:s3:::&{aws:username}"]
    principals {
      type        = "*"
      identifiers = ["*"]
    }
  }
}
resource "aws_iam_policy" "a" { policy = data.aws_iam_policy_document.a.json }
resource "aws_iam_policy" "b" { policy = data.aws_iam_policy_document.b.json }
resource "aws_iam_policy" "c" { policy = data.aws_iam_policy_document.c.json }
"""
# As `terraform plan` with that provider has them (prior_state).
A = """{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Sid": "one",
      "Effect": "Allow",
      "Action": [
        "s3:PutObject",
        "s3:GetObject",
        "s3:*"
      ],
      "Resource": [
        "arn:aws:s3:::b/*",
        "arn:aws:s3:::a"
      ],
      "Principal": {
        "AWS": [
          "arn:aws:iam::111122223333:root",
          "*"
        ]
      },
      "Condition": {
        "StringEquals": {
          "aws:SourceVpc": [
            "b",
            "a"
          ]
        }
      }
    },
    {
      "Effect": "Deny",
      "NotAction": "iam:*",
      "Resource": "*"
    }
  ]
}"""
B = """{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Sid": "one",
      "Effect": "Allow",
      "Action": "sts:AssumeRole",
      "Principal": {
        "Service": "ec2.amazonaws.com"
      }
    },
    {
      "Effect": "Deny",
      "NotAction": "iam:*",
      "Resource": "*"
    }
  ]
}"""
C = """{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Effect": "Allow",
      "Action": "s3:*",
      "Resource": "arn:aws:s3:::${aws:username}",
      "Principal": "*"
    }
  ]
}"""


@pytest.mark.parametrize(("name", "text"), [("a", A), ("b", B), ("c", C)])
def test_the_text_is_the_providers(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / "main.tf").write_text(CONFIGURATION)
    loaded = load(discover([str(tmp_path)]), Options())
    assert loaded.errors == []
    found = {resource.address: resource.values for resource in loaded.resources}
    assert found[f"aws_iam_policy.{name}"]["policy"] == text


def test_a_sid_that_stands_twice_is_an_error(tmp_path: Path) -> None:
    text = """
data "aws_iam_policy_document" "a" {
  statement { sid = "x" }
  statement { sid = "x" }
}
resource "aws_iam_policy" "a" { policy = data.aws_iam_policy_document.a.json }
"""
    (tmp_path / "main.tf").write_text(text)
    loaded = load(discover([str(tmp_path)]), Options())
    assert [error.code for error in loaded.errors] == ["terraform-policy"]
