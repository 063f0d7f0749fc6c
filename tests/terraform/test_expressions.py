"""What terraform cannot be asked: references, exported unknowns, files of a tree, bounds, types."""

from __future__ import annotations

import json

import pytest

from assay.engine import model
from assay.engine.errors import Text
from assay.engine.terraform import export, hcl, json_syntax, numbers
from assay.engine.terraform.conversion import convert
from assay.engine.terraform.expressions import evaluate
from assay.engine.terraform.functions.json_text import json_text
from assay.engine.terraform.references import names
from assay.engine.terraform.scanner import HclError
from assay.engine.terraform.scopes import Bound, ExpressionError
from assay.engine.terraform.type_syntax import apply_defaults, type_constraint
from assay.engine.terraform.types import type_text
from assay.engine.terraform.values import SENSITIVE, string
from tests.terraform.evaluator import ADDRESS, Scope, value_of

ID = "terraform_data.u.id"


def shown(text: str, folder=None) -> str:
    return json_text(value_of(text, folder))


def problem_of(text: str, folder=None):
    with pytest.raises(ExpressionError) as caught:
        value_of(text, folder)
    return caught.value.problems[0]


# ---- references and unknowns ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "refs"),
    [
        (ID, {(): (ADDRESS,)}),
        ("terraform_data.u.input", {(): (ADDRESS,)}),
        (f'"a-${{{ID}}}"', {(): (ADDRESS,)}),
        (f"[{ID}, 1]", {(0,): (ADDRESS,)}),
        (f"{{a = {ID}, b = [{ID}]}}", {("a",): (ADDRESS,), ("b", 0): (ADDRESS,)}),
        (f"merge({{a = {ID}}}, {{b = 1}})", {("a",): (ADDRESS,)}),
        (f"concat([1], [{ID}])", {(1,): (ADDRESS,)}),
        (f"flatten([[{ID}], [2]])", {(0,): (ADDRESS,)}),
        (f"tolist([{ID}])", {(0,): (ADDRESS,)}),
        (f"toset([{ID}])", {(0,): (ADDRESS,)}),
        (f"[for x in [{ID}, 1] : x]", {(0,): (ADDRESS,)}),
        (f"{{for k, v in {{a = {ID}}} : k => v}}", {("a",): (ADDRESS,)}),
        (f"reverse([{ID}, 1])", {(1,): (ADDRESS,)}),
        (f"setunion([{ID}], [])", {(0,): (ADDRESS,)}),
        (f"jsonencode([{ID}])", {(): (ADDRESS,)}),
        (f"length([{ID}])", {}),
        (f'formatlist("%s", [{ID}, 1])', {(0,): (ADDRESS,)}),
        ("[terraform_data.u][*].id", {(0,): (ADDRESS,)}),
        (f"true ? {ID} : 1", {(): (ADDRESS,)}),
    ],
)
def test_references_stay_on_what_holds_them(text, refs):
    assert export.export(value_of(text)).refs == refs


def test_sensitive_paths():
    found = export.export(value_of("{a = var.secret, b = [1, upper(var.secret)], c = 2}"))
    assert found.sensitive == [("a",), ("b", 1)]
    assert found.value == {"a": "s3cret", "b": [1, "S3CRET"], "c": 2}


@pytest.mark.parametrize(
    ("text", "prefix", "suffix"),
    [
        (f'"arn:aws:s3:::${{{ID}}}/*"', "arn:aws:s3:::", "/*"),
        (f'format("arn:%s/%s/x", "aws", {ID})', "arn:aws/", "/x"),
        (f'join("-", ["a", {ID}, "b"])', "a-", "-b"),
        (f'({ID} == "x" ? "prod-a" : "prod-b")', "prod-", ""),
        (f'"%{{ if {ID} == "x" }}abc%{{ else }}abd%{{ endif }}-z"', "ab", "-z"),
    ],
)
def test_both_ends_of_an_unknown_text_are_kept(text, prefix, suffix):
    found = export.to_python(value_of(text))
    assert isinstance(found, model.Unknown)
    assert (found.prefix, found.suffix, found.not_null) == (prefix, suffix, True)
    assert (found.cause, found.type, found.refs) == ("apply", "string", (ADDRESS,))
    assert found.least >= len(prefix)


def test_an_encoded_document_keeps_its_known_parts():
    found = export.to_python(value_of(f'jsonencode({{a = "x", b = [{ID}]}})'))
    assert found.structure
    encoding, document = found.structure
    assert encoding == "json"
    assert document["a"] == "x"
    assert document["b"][0].origin == ID


def test_export_drops_nulls_and_keeps_numbers_whole():
    text = (
        "{a = null, b = [null, 1], c = 1.50, d = 9223372036854775808, e = 3.0, f = toset([2, 1])}"
    )
    found = export.export(value_of(text)).value
    assert found == {"b": [None, 1], "c": 1.5, "d": 9.223372036854775808e18, "e": 3, "f": [1, 2]}
    assert [type(found[name]) for name in "cde"] == [float, float, int]


def test_documents_come_back():
    document = {"a": [1, 2.5, None, True, "x"], "b": {}}
    assert json.loads(json_text(export.from_python(document))) == document


def test_names_leave_out_what_a_for_binds():
    node = hcl.parse_expression(
        Text("x", '[for k, v in var.a : "${k}${v.x}${local.b[0]["c"]}" if each.key == k]')
    )
    assert [(name.root, name.steps) for name in names(node)] == [
        ("var", ("a",)),
        ("local", ("b", 0, "c")),
        ("each", ("key",)),
    ]


# ---- files and providers --------------------------------------------------------------------


@pytest.fixture
def tree(tmp_path):
    (tmp_path / "outside.txt").write_text("secret")
    root = tmp_path / "root"
    (root / "files" / "deep").mkdir(parents=True)
    (root / "files" / "a.txt").write_text("hé\n")
    (root / "files" / "deep" / "b.json").write_text("{}")
    (root / "raw.bin").write_bytes(b"\xff")
    (root / "t.tftpl").write_text("%{ for n in names ~}\n- ${n}\n%{ endfor ~}\n")
    (root / "loop.tftpl").write_text('${templatefile("loop.tftpl", {})}')
    (root / "whole.tftpl").write_text("${x}")
    (root / "link").symlink_to(tmp_path / "outside.txt")
    return root


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ('file("files/a.txt")', '"hé\\n"'),
        ('file("${path.module}/files/../files/a.txt")', '"hé\\n"'),
        ('filebase64("raw.bin")', '"/w=="'),
        ('filemd5("files/deep/b.json")', '"99914b932bd37a50b983c5e7c90ae93b"'),
        ('filesha1("files/deep/b.json")', '"bf21a9e8fbc5a3846fb05b4fa0859e0917b2202f"'),
        ('filesha256("raw.bin") == sha256("x")', "false"),
        ('filebase64sha256("files/a.txt") == base64sha256("hé\\n")', "true"),
        ('filesha512("files/a.txt") == sha512("hé\\n")', "true"),
        ('filebase64sha512("files/a.txt") == base64sha512("hé\\n")', "true"),
        ('fileexists("files/a.txt")', "true"),
        ('fileexists("files/none")', "false"),
        ('fileset(".", "**")', '["files/a.txt","files/deep/b.json","link","loop.tftpl","raw.bin",'
         '"t.tftpl","whole.tftpl"]'),
        ('fileset("files", "*.{txt,md}")', '["a.txt"]'),
        ('fileset("files", "**/*.json")', '["deep/b.json"]'),
        ('templatefile("t.tftpl", {names = ["a", "b"]})', '"- a\\n- b\\n"'),
        ('templatefile("whole.tftpl", {x = [1]})', "[1]"),
    ],
)  # fmt: skip
def test_files(text, wanted, tree):
    assert shown(text, tree) == wanted


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('file("../outside.txt")', "outside of the scanned tree"),
        ('file("link")', "outside of the scanned tree"),
        ('file("/etc/hostname")', "outside of the scanned tree"),
        ('file("~/.aws/credentials")', "outside of the scanned tree"),
        ('file("files")', "files is not a regular file"),
        ('file("none")', "no file exists at none"),
        ('file("raw.bin")', "not valid UTF-8"),
        ('fileset("..", "*")', "outside of the scanned tree"),
        ('fileset(".", "../*")', "leads outside"),
        ('templatefile("t.tftpl", {})', 'vars map does not contain key "names"'),
        ('templatefile("loop.tftpl", {})', "cannot call templatefile from inside"),
        ('templatefile("whole.tftpl", {x = null})', "the result of the template is null"),
    ],
)
def test_files_are_not_read_outside(text, message, tree):
    found = problem_of(text, tree)
    assert found.code == "terraform-function"
    assert message in found.message


def test_a_template_takes_the_marks_of_its_variables(tree):
    value = value_of('templatefile("t.tftpl", {names = [var.secret]})', tree)
    assert value.marks == {SENSITIVE}
    scope = Bound(Scope(tree), {"t": string("${a}-${b}")})
    node = hcl.parse_expression(Text("x", "templatestring(t, {a = 1, b = var.secret})"))
    value = evaluate(node, scope)
    assert (value.v, value.marks) == ("1-s3cret", {SENSITIVE})


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (
            'provider::aws::arn_parse("arn:aws:iam::444455556666:role/a:b/c")',
            '{"account_id":"444455556666","partition":"aws","region":"","resource":"role/a:b/c",'
            '"service":"iam"}',
        ),
        ('provider::aws::arn_build("aws", "iam", "", "4", "role/x")', '"arn:aws:iam::4:role/x"'),
        (
            'provider::aws::trim_iam_role_path("arn:aws:iam::4:role/with/path/x")',
            '"arn:aws:iam::4:role/x"',
        ),
    ],
)
def test_functions_of_the_aws_provider(text, wanted):
    assert shown(text) == wanted


@pytest.mark.parametrize(
    "text", ['provider::aws::arn_parse("x")', 'provider::aws::trim_iam_role_path("arn:a:b:c:d:e")']
)
def test_functions_of_the_aws_provider_refuse(text):
    assert problem_of(text).code == "terraform-function"


def test_other_providers_compute_for_themselves():
    found = export.to_python(value_of("provider::time::rfc3339_parse(var.secret)"))
    assert (found.cause, found.origin) == ("provider", "provider::time::rfc3339_parse()")


@pytest.mark.parametrize("name", ["timestamp()", "plantimestamp()", "uuid()", 'bcrypt("x")'])
def test_impure_functions_are_known_at_apply(name):
    found = export.to_python(value_of(name))
    assert (found.cause, found.not_null) == ("apply", True)


def test_rsadecrypt():
    rsa = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.rsa")
    from base64 import b64encode

    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
    )

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    cipher = b64encode(key.public_key().encrypt(b"hello", PKCS1v15())).decode()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    scope = Bound(Scope(), {"c": string(cipher), "k": string(pem.decode())})
    assert evaluate(hcl.parse_expression(Text("x", "rsadecrypt(c, k)")), scope).v == "hello"


# ---- types ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("constraint", "given", "wanted"),
    [
        ("string", "443", '"443"'),
        ("any", "[1, \"a\"]", '[1,"a"]'),
        ("list(any)", "[1, \"a\"]", '["1","a"]'),
        ("set(string)", "[\"b\", \"a\", \"b\"]", '["a","b"]'),
        ("object({a = string})", "{a = 1, b = 2}", '{"a":"1"}'),
        ("object({a = optional(string)})", "{}", '{"a":null}'),
        ('object({a = optional(string, "d")})', "{a = null}", '{"a":"d"}'),
        ("object({a = optional(number, 1), b = string})", "{b = true}", '{"a":1,"b":"true"}'),
        (
            'map(object({a = optional(object({b = optional(bool, true)}), {})}))',
            "{x = {}, y = {a = {b = false}}}",
            '{"x":{"a":{"b":true}},"y":{"a":{"b":false}}}',
        ),
        ("list(object({a = optional(list(string), [])}))", "[{}, {a = [1]}]",
         '[{"a":[]},{"a":["1"]}]'),
        ("tuple([string, object({a = optional(number, 2)})])", "[1, {}]", '["1",{"a":2}]'),
        ("map(any)", "{a = [], b = [1]}", '{"a":[],"b":[1]}'),
    ],
)  # fmt: skip
def test_type_constraints(constraint, given, wanted):
    type, defaults = type_constraint(hcl.parse_expression(Text("x", constraint)))
    assert json_text(convert(apply_defaults(defaults, value_of(given)), type)) == wanted


@pytest.mark.parametrize(
    "constraint", ["strin", "list(string, number)", "optional(string)", "object([])", "1", "a.b"]
)
def test_what_is_no_type(constraint):
    with pytest.raises(ExpressionError) as caught:
        type_constraint(hcl.parse_expression(Text("x", constraint)))
    assert caught.value.problems[0].code == "terraform-type"


def test_types_in_json_are_expressions():
    text = '{"variable": {"v": {"type": "list(object({a = string}))"}}}'
    parsed = json_syntax.parse(Text("v.tf.json", text))
    node = json_syntax.as_expression(parsed.body.blocks[0].body.attributes["type"].expression)
    assert type_text(type_constraint(node)[0]) == "list(object({a=string}))"


# ---- errors and bounds ----------------------------------------------------------------------


def test_an_error_points_at_the_failing_part():
    found = problem_of('{\n  a = 1\n  b = [1, uper("x")]\n}')
    assert found.render() == (
        "error[terraform-unknown-function]: there is no function named `uper`\n"
        "  --> main.tf:3:11\n"
        "  |\n"
        '3 |   b = [1, uper("x")]\n'
        "  |           ^^^^^^^^^\n"
        "  = help: did you mean `upper`?"
    )


@pytest.mark.parametrize(
    "text",
    [
        "range(1000000)",
        "[for x in range(1024) : [for y in range(1024) : setproduct(range(1024), range(1024))]]",
        'format("%999999999d", 1)',
        "1e999999999",
        'indent(1000000000, "a\\nb")',
        'regex("((a{100}){100}){100}", "a")',
        'yamldecode("a: &a [1]\\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\\nc: &c [*b,*b,*b,*b,*b,*b,*b]\\n'
        'd: &d [*c,*c,*c,*c,*c,*c,*c]\\ne: &e [*d,*d,*d,*d,*d,*d,*d]\\nf: &f [*e,*e,*e,*e,*e,*e]\\n'
        'g: &g [*f,*f,*f,*f,*f,*f]\\nh: [*g,*g,*g]")',
        "jsondecode(\"" + "[" * 5000 + "\")",
        "try([for x in range(1024) : setproduct(range(1024), range(1024))], 1)",
    ],
)  # fmt: skip
def test_bombs_are_refused(text):
    with pytest.raises((ExpressionError, HclError)):
        value_of(text)


def test_what_go_computes_as_infinity_is_no_bomb():
    assert numbers.is_infinite(value_of("pow(10, 100000)").v)


def test_depth_is_refused():
    node = hcl.parse_expression(Text("x", " + ".join(["1"] * 5000)))
    with pytest.raises(ExpressionError) as caught:
        evaluate(node, Scope())
    assert caught.value.problems[0].code == "terraform-depth"
