"""Write `docs/reference/gate.md` from what the gate was asked while the suites ran: `make gate`.

python tools/list_gate.py FOLDER            write the page
python tools/list_gate.py FOLDER --check    fail when what is checked in differs
"""

import json
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from twinport.ecr import door as ecr
from twinport.iam import door as iam
from twinport.sts import door as sts

PAGE = Path(__file__).parent.parent / "docs" / "reference" / "gate.md"
# Nobody is asked about these: who signs may always hear who it is, and get a session of its own.
FREE = {"STS GetCallerIdentity", "STS GetSessionToken"}
_HEAD = """\
# What each door asks the gate

`make gate` writes this page from what the gate was asked while the suites of the doors ran. CI fails when it differs,
and when an operation of an AWS door asked nothing. Every verb asks before it looks anything up. Names of resources and
tags are left out. What the gate finds by itself stands with every question: the keys of caller, request and resource,
as `aws:PrincipalTag/…`, `aws:SourceIp` and `aws:ResourceTag/…`.
"""
_PARTS_OF_AN_ARN = 6
_CLAIM = re.compile(r":(aud|oaud|sub|amr|email)$")
_TITLES = {"ecr": "ECR", "iam": "IAM", "sts": "STS", "oci": "OCI", "console": "Console", "control": "Control"}


@dataclass
class Asked:
    """What one verb asked about one action."""

    resources: set[str] = field(default_factory=set)
    keys: set[str] = field(default_factory=set)
    tests: set[str] = field(default_factory=set)


def page(lines: Iterable[Mapping[str, Any]]) -> str:
    """Return the page. Raises SystemExit when an operation asked nothing."""
    names = operations()
    found: dict[tuple[str, str], Asked] = {}
    for line in lines:
        verb = _verb(names, line["door"], line["action"])
        asked = found.setdefault((verb, line["action"]), Asked())
        asked.resources |= _kinds(line["resource"])
        asked.keys |= {_key(key) for key in line["context"]}
        asked.tests.add(line["test"])
    if silent := sorted({each for group in names.values() for each in group} - {verb for verb, _ in found} - FREE):
        raise SystemExit(f"these asked the gate nothing: {', '.join(silent)}")
    return "\n".join([_HEAD, *(_part(title, found) for title in _TITLES.values())])


def operations() -> dict[str, list[str]]:
    """Return the operations of the AWS doors by module and function, which several may share."""
    tables: list[tuple[str, Callable[[Any], Mapping[str, Any]], Any]] = [
        ("ECR", ecr.handlers, ecr.Verbs),
        ("IAM", iam.handlers, iam.Verbs),
        ("STS", sts.operations, sts.Verbs),
    ]
    found: dict[str, list[str]] = {}
    for title, handlers, verbs in tables:
        for name, handler in handlers(verbs(*[None] * len(fields(verbs)))).items():
            found.setdefault(f"{handler.__module__}:{handler.__qualname__}", []).append(f"{title} {name}")
    return found


def _verb(names: Mapping[str, list[str]], door: str, action: str) -> str:
    """Return the operation of a function; of several the one that the action is named after."""
    group = names.get(door) or [_place(door)]
    named = [verb for verb in group if verb.rpartition(" ")[2] == action.partition(":")[2]]
    return (named or group)[0]


def _place(door: str) -> str:
    module, _, function = door.partition(":")
    return f"{_TITLES[module.split('.')[1]]} {function}"


def _part(title: str, found: Mapping[tuple[str, str], Asked]) -> str:
    own = {key: asked for key, asked in sorted(found.items()) if _is(key[0], title)}
    rows = [_row(verb.partition(" ")[2], action, asked) for (verb, action), asked in own.items()]
    if not rows:
        return f"## {title}\n\nIt asks nothing.\n"
    head = ["| verb | action | resource | keys | seen by |", "|---|---|---|---|---|"]
    return "\n".join([f"## {title}\n", *head, *rows, ""])


def _is(verb: str, title: str) -> bool:
    return verb.partition(" ")[0] == title


def _row(verb: str, action: str, asked: Asked) -> str:
    keys = ", ".join(f"`{key}`" for key in sorted(asked.keys))
    resources = ", ".join(f"`{each}`" for each in sorted(asked.resources))
    return f"| {verb} | `{action}` | {resources} | {keys} | `{min(asked.tests)}` |"


def _kinds(arn: str) -> set[str]:
    """Return the kind of resource that an ARN names: `repository/…`, `user/…`, or `*`; none for what is no ARN."""
    parts = arn.split(":", 5)
    if len(parts) != _PARTS_OF_AN_ARN:
        return {arn} & {"*"}
    kind, slash, name = parts[-1].partition("/")
    return {f"{kind}/{name if name == '*' else '…'}" if slash else kind}


def _key(key: str) -> str:
    """Leave out what is a tag's name or an issuer's."""
    claim = _CLAIM.search(key)
    return f"ISSUER:{claim[1]}" if claim else key.partition("/")[0] + ("/…" if "/" in key else "")


def main(arguments: list[str]) -> int:
    folder, *options = arguments
    files = sorted(Path(folder).glob("*.jsonl"))
    text = page(json.loads(line) for file in files for line in file.read_text().splitlines())
    if options == ["--check"]:
        if PAGE.exists() and PAGE.read_text() == text:
            return 0
        print(f"{PAGE} is not what the gate was asked: run `make gate`", file=sys.stderr)
        return 1
    PAGE.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
