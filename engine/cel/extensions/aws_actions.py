"""aws.unrestricted: the actions that a policy allows on every resource, without a condition.

A policy is bounded by the resources that it names and by its conditions. What it allows on `*`
without any is what an attacker who holds it can do everywhere, so that is what is looked at:

    any          every action for which resources could have been named
    write        those that change something, permissions those that change who may do what
    credentials  those whose answer is a credential
    data         those that read stored data or secrets
    escalation   names of the ways to more rights that the allowed actions add up to

Actions, their access levels and whether they take resources: AWS Service Authorization Reference,
https://docs.aws.amazon.com/service-authorization/latest/reference/. The ways to more rights are
those that Rhino Security Labs published.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Iterator, Set
from functools import cache
from importlib import resources
from itertools import islice
from typing import Any, NamedTuple

from assay.engine.cel.library.regex import compiled
from assay.engine.model import Incomplete, Unknown

LIMIT = 10  # actions that are named; one is enough for a verdict
LEVELS = ("list", "read", "write", "tagging", "permissions")
_DATA = """s3:getobject ssm:getparameter ssm:getparameters ssm:getparametersbypath
    secretsmanager:getsecretvalue"""
_CREDENTIALS = """airflow:createclitoken airflow:createweblogintoken appsync:createapikey
    chime:createapikey cloud9:createenvironmenttoken codeartifact:getauthorizationtoken
    codepipeline:pollforjobs cognito-identity:getcredentialsforidentity
    cognito-identity:getopenidtoken cognito-identity:getopenidtokenfordeveloperidentity
    cognito-idp:getsigningcertificate connect:getfederationtoken connect:getfederationtokens
    ec2:getpassworddata ecr-public:getauthorizationtoken ecr:getauthorizationtoken
    emr-containers:getmanagedendpointsessioncredentials
    finspace-api:getprogrammaticaccesscredentials gamelift:getcomputeaccess
    gamelift:getcomputeauthtoken gamelift:getinstanceaccess gamelift:requestuploadcredentials
    grafana:createworkspaceapikey iam:createaccesskey iam:createloginprofile
    iam:createservicespecificcredential iam:resetservicespecificcredential iam:updateaccesskey
    license-manager:getaccesstoken lightsail:createbucketaccesskey
    lightsail:downloaddefaultkeypair lightsail:getinstanceaccessdetails
    lightsail:getrelationaldatabasemasteruserpassword mediapackage:rotatechannelcredentials
    mediapackage:rotateingestendpointcredentials rds-db:connect
    redshift-serverless:getcredentials redshift:getclustercredentials
    redshift:getclustercredentialswithiam sso:getrolecredentials sts:assumerole
    sts:assumerolewithsaml sts:assumerolewithwebidentity sts:getfederationtoken
    sts:getsessiontoken"""
DATA, CREDENTIALS = frozenset(_DATA.split()), frozenset(_CREDENTIALS.split())
ESCALATIONS: dict[str, tuple[str, ...]] = {
    "a key of another user": ("iam:createaccesskey",),
    "a password of another user": ("iam:createloginprofile",),
    "another password of another user": ("iam:updateloginprofile",),
    "membership of another group": ("iam:addusertogroup",),
    "another version of its policy": ("iam:createpolicyversion",),
    "an older version of its policy": ("iam:setdefaultpolicyversion",),
    "a policy attached to its user": ("iam:attachuserpolicy",),
    "a policy attached to its group": ("iam:attachgrouppolicy",),
    "a policy attached to a role it takes": ("iam:attachrolepolicy", "sts:assumerole"),
    "a policy written into its user": ("iam:putuserpolicy",),
    "a policy written into its group": ("iam:putgrouppolicy",),
    "a policy written into a role it takes": ("iam:putrolepolicy", "sts:assumerole"),
    "the trust of a role it takes": ("iam:updateassumerolepolicy", "sts:assumerole"),
    "a role passed to a machine": ("iam:passrole", "ec2:runinstances"),
    "a role passed to a function": (
        "iam:passrole",
        "lambda:createfunction",
        "lambda:invokefunction",
    ),
    "a role passed to a function that events start": (
        "iam:passrole",
        "lambda:createfunction",
        "lambda:createeventsourcemapping",
    ),
    "a role passed to a Glue endpoint": ("iam:passrole", "glue:createdevendpoint"),
    "a role passed to a CloudFormation stack": ("iam:passrole", "cloudformation:createstack"),
    "a role passed to a data pipeline": ("iam:passrole", "datapipeline:createpipeline"),
    "the key of a Glue endpoint": ("glue:updatedevendpoint",),
    "the code of a function that has a role": ("lambda:updatefunctioncode",),
}
NOTHING = r"[^\x00-\x{10ffff}]"  # matches no text
CLASSES = ("any", "write", "permissions", "credentials", "data", "escalation")


class _Reach(NamedTuple):
    """What the statements of a document allow everywhere, and what they deny everywhere."""

    allowed: tuple[Any, ...]
    allowed_but: tuple[Any, ...]  # one a statement with NotAction: what it leaves out
    denied: tuple[Any, ...]
    written: tuple[str, ...]  # what is allowed, as it is written

    def services(self) -> Set[str] | None:
        """The services that something is allowed of; None where that may be any."""
        if self.allowed_but:
            return None
        named = {each.split(":")[0] for each in self.written}
        return None if any("*" in each or "?" in each for each in named) else named

    def allows(self, action: str) -> bool:
        """Whether it allows this action everywhere."""
        if any(each.fullmatch(action) for each in self.denied):
            return False
        return any(each.fullmatch(action) for each in self.allowed) or any(
            not each.fullmatch(action) for each in self.allowed_but
        )


def unrestricted(statements: Any, kind: Any) -> Any:
    """Up to ten actions (or ways) of a class; `statements` as `aws.statements` gives them.

    Raises ValueError for a class that there is not. Unknown where what is known allows nothing of
    the class and what is unknown may, or may take it away.
    """
    if isinstance(statements, Unknown):
        return statements
    if isinstance(kind, Unknown):
        return kind
    if kind not in CLASSES:
        raise ValueError(f"no class of actions {kind!r}: {', '.join(CLASSES)}")
    reach, more, less = _reach(statements)
    found = list(islice(_of(kind, reach), LIMIT)) if reach.allowed or reach.allowed_but else []
    unsure = less if found else more
    return unsure if unsure is not None else found


def _of(kind: str, reach: _Reach) -> Iterator[str]:
    if kind == "escalation":
        return (
            way for way, actions in ESCALATIONS.items() if all(reach.allows(a) for a in actions)
        )
    fixed = {"credentials": CREDENTIALS, "data": DATA}.get(kind)
    if fixed is not None:
        return (action for action in sorted(fixed) if reach.allows(action))
    levels = LEVELS if kind == "any" else (kind,)
    return (action for action in _actions(levels, reach.services()) if reach.allows(action))


def _actions(levels: Iterable[str], services: Set[str] | None) -> Iterator[str]:
    places = [LEVELS.index(level) for level in levels]
    for prefix, names in _table():
        for place in places if services is None or prefix in services else ():
            for name in names[place].split():
                yield f"{prefix}:{name}"


@cache
def _table() -> list[tuple[str, list[str]]]:
    packed = resources.files(__package__).joinpath("aws_actions.bin").read_bytes()
    lines = zlib.decompress(packed).decode().splitlines()
    return [(cells[0], cells[1:]) for cells in (line.split("\t") for line in lines)]


def _reach(statements: list[Any]) -> tuple[_Reach, Unknown | None, Unknown | None]:
    """What is certain, why more may be allowed, and why less may be."""
    allowed: list[Any] = []
    allowed_but: list[Any] = []
    denied: list[Any] = []
    written: list[str] = []
    more: Unknown | None = _rest(statements)
    less: Unknown | None = more
    for statement in statements:
        if isinstance(statement, Unknown):
            more = less = statement
            continue
        where = _everywhere(statement)
        if where is False:
            continue
        effect = _unknown(statement["effect"])
        doubt = _first(effect, where if isinstance(where, Unknown) else None)
        actions, but = statement["actions"], statement["not_actions"]
        unsure = _first(doubt, _unknown(actions), _unknown(but))
        if effect is not None or statement["effect"] == "Deny":
            less = _first(less, unsure)
        if effect is not None or statement["effect"] != "Deny":
            more = _first(more, unsure)
        if doubt is not None or _unknown(but) is not None or isinstance(actions, Unknown):
            continue
        if statement["effect"] == "Deny":
            denied.append(_pattern(actions))
        elif but:
            allowed_but.append(_pattern(but))
        else:
            allowed.append(_pattern(actions))
            written += (each for each in actions if isinstance(each, str))
    return _Reach(tuple(allowed), tuple(allowed_but), tuple(denied), tuple(written)), more, less


def _everywhere(statement: dict[str, Any]) -> bool | Unknown:
    """Whether it holds for every resource at all times."""
    conditions, named = statement["conditions"], statement["resources"]
    if isinstance(conditions, list) and conditions:
        return False
    if isinstance(named, list) and "*" not in named:
        may = (each for each in named if isinstance(each, Unknown) and _may_be_all(each))
        found = _first(next(may, None), _rest(named))
    else:
        found = _first(_unknown(conditions), named if isinstance(named, Unknown) else None)
        return True if found is None else found
    return False if found is None else found


def _may_be_all(name: Unknown) -> bool:
    """Whether it may be `*`: what a resource will say of itself is an ARN or a part of one."""
    return not (name.prefix or name.suffix or name.cause == "apply")


def _unknown(value: Any) -> Unknown | None:
    if isinstance(value, Unknown):
        return value
    if isinstance(value, list):
        inner = (each for each in value if isinstance(each, Unknown))
        return _first(next(inner, None), _rest(value))
    return None


def _first(*reasons: Unknown | None) -> Unknown | None:
    return next((each for each in reasons if each is not None), None)


def _rest(values: Any) -> Unknown | None:
    return values.rest if isinstance(values, Incomplete) else None


def _pattern(actions: Any) -> Any:
    """IAM's wildcards in the known ones: `*` is any text, `?` one character. RE2: hostile input."""
    known = sorted({re.sub(r"\*+", "*", each) for each in actions if isinstance(each, str)})
    texts = ("".join({"*": ".*", "?": "."}.get(c, re.escape(c)) for c in a) for a in known)
    return compiled(f"(?s){'|'.join(texts) or NOTHING}")
