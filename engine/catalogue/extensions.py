"""The functions that Assay adds to the dialect: few, pure, and at home with unknown values."""

from __future__ import annotations

from assay.engine.catalogue import hcl_text
from assay.engine.cel import Extension
from assay.engine.cel.extensions import aws, aws_actions, config, labels, network, parse, secrets

EXTENSIONS: tuple[Extension, ...] = (
    Extension("parse.json", ("string",), "dyn", parse.parse_json, lazy=True),
    Extension("parse.yaml", ("string",), "dyn", parse.parse_yaml, lazy=True),
    Extension("parse.hcl", ("string",), "dyn", hcl_text.parse_hcl, lazy=True),
    Extension("parse.properties", ("string",), "dyn", config.parse_properties, lazy=True),
    Extension("parse.nginx", ("string",), "list(dyn)", config.parse_nginx, lazy=True),
    Extension("parse.fluentbit", ("string",), "list(dyn)", config.parse_fluentbit, lazy=True),
    Extension("aws.statements", ("dyn",), "list(dyn)", aws.statements, lazy=True),
    Extension(
        "aws.unrestricted", ("dyn", "string"), "list(string)", aws_actions.unrestricted, lazy=True
    ),
    Extension("cidrs.covers", ("list(string)", "string"), "bool", network.covers, lazy=True),
    Extension("ports.overlap", ("int", "int", "list(dyn)"), "bool", network.overlap, lazy=True),
    Extension("labels.selects", ("dyn", "map(string, string)"), "bool", labels.selects, lazy=True),
    Extension("secrets.kind", ("string", "string"), "string", secrets.kind, lazy=True),
    Extension("secrets.mark", ("string", "string"), "string", secrets.mark, lazy=True),
)
