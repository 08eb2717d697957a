"""Write `docs/reference/gate.md` from what the gate was asked while the suites ran: `make gate`.

python -m tools.list_gate FOLDER            write the page
python -m tools.list_gate FOLDER --check    fail when what is checked in differs
python -m tools.list_gate --suites          name the suites that it is written from
"""

import inspect
import json
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

from tests import doors, witness
from twinport.console.door import ConsoleDoor
from twinport.control.door import PREFIX, ControlDoor
from twinport.gateway import Gateway
from twinport.http.messages import Door
from twinport.oci import routes
from twinport.oci.door import OciDoor
from twinport.oci.presigned import PresignedDoor
from twinport.oci.routes import Place

PAGE = Path(__file__).parent.parent / "docs" / "reference" / "gate.md"
# Each part of the page, and the suite that is there for it: of several files that saw a question, one of it is named.
SUITES = {
    "ECR": "tests/ecr/",
    "IAM": "tests/iam/",
    "STS": "tests/sts/",
    "OCI": "tests/oci/",
    "Console": "tests/console/",
    "Control": "tests/control/",
}
_SIGNED_IN = "a client may try any credentials"
FREE = {
    ("STS", "GetCallerIdentity"): "who signs may always hear who that is",
    ("STS", "GetSessionToken"): "the session may do what its user may, and no more",
    ("OCI", "GET, HEAD /v2/"): "by this clients try their credentials; it tells nothing",
    ("OCI", "GET, HEAD /_layers/…"): "the address is signed for a caller allowed `ecr:GetDownloadUrlForLayer`",
    ("OCI", "GET /"): "it says what this is, and leads browsers to the console",
    ("Console", "GET /console/assets/NAME"): "style and script, the same for every client",
    ("Console", "GET /console/sign-in"): _SIGNED_IN,
    ("Console", "POST /console/sign-in"): _SIGNED_IN,
    ("Console", "POST /console/sign-out"): "who signed in may end that",
    ("Console", "GET /console/REGION/repositories/new"): "an empty form; sending it asks",
    ("Console", "GET /console/REGION/templates/new"): "an empty form; sending it asks",
    ("Control", "GET, HEAD, OPTIONS /_twinport/health"): "it says that the server is up, and its version",
    ("Control", "GET, HEAD, OPTIONS /_twinport/health/live"): "as above",
    ("Control", "GET, HEAD, OPTIONS /_twinport/health/ready"): "it names the parts that are away, and no more",
    ("Control", "POST /_twinport/reset"): "it is there only where accounts are open: every client is root then",
    ("Control", "GET, HEAD /_twinport/metrics"): "it asks for a token of its own, or is there where accounts are open",
}
_HEAD = """\
# What each door asks the gate

`make gate` writes this page from what the gate was asked while the suites of the doors ran. The verbs are read off the
doors as the product is put together. CI fails when the page differs, when a verb of any door asked nothing and does not
stand in the last table, and when one that stands there asked.

Every verb asks before it says whether anything is there. One that does several things asks for each: it has several
rows, and not every request comes to all of them. The resource is what the ARN names: `repository/…` is one of them,
`repository/*` is all of them, `user/` is the users beneath a path, `root` is the root of an account, and `*` is a
question about a registry or an account as a whole. The keys are those that the verb gives to conditions; names of tags
are left out. What the gate finds by itself stands with every question: the keys of caller, request and resource, as
`aws:PrincipalTag/…`, `aws:SourceIp` and `aws:ResourceTag/…`. Of several files of tests that
saw a question one is named.
"""
_PARTS_OF_AN_ARN = 6
_CLAIM = re.compile(r":(aud|oaud|sub|amr|email)$")
_IN_REPOSITORY = {
    Place.MANIFEST: "/v2/NAME/manifests/REFERENCE",
    Place.BLOB: "/v2/NAME/blobs/DIGEST",
    Place.UPLOADS: "/v2/NAME/blobs/uploads/",
    Place.UPLOAD: "/v2/NAME/blobs/uploads/ID",
    Place.TAGS: "/v2/NAME/tags/list",
    Place.REFERRERS: "/v2/NAME/referrers/DIGEST",
}

# A part of the page and a verb of it.
Verb = tuple[str, str]
# The functions that a door calls, each with the verbs that it answers.
Table = dict[str, list[Verb]]


@dataclass
class Asked:
    """What one verb asked about one action."""

    resources: set[str] = field(default_factory=set)
    keys: set[str] = field(default_factory=set)
    tests: set[str] = field(default_factory=set)


def page(lines: Iterable[Mapping[str, Any]]) -> str:
    """Return the page. Raises SystemExit when a verb asked nothing and is not free, or asked and is."""
    table = verbs(doors.built())
    found: dict[tuple[Verb, str], Asked] = {}
    for line in lines:
        verb = _verb(table, line["doors"], line["action"])
        asked = found.setdefault((verb, line["action"]), Asked())
        asked.resources |= _kinds(line["resource"])
        asked.keys |= {_key(key) for key in line["context"]}
        asked.tests.add(line["test"])
    _check({verb for group in table.values() for verb in group}, {verb for verb, _ in found})
    return "\n".join([_HEAD, *(_part(title, found) for title in SUITES), _free()])


def _check(known: set[Verb], asked: set[Verb]) -> None:
    wrong = {
        "these asked the gate nothing": known - asked - FREE.keys(),
        "these are said to ask nothing, and asked": FREE.keys() & asked,
        "these are said to ask nothing, and are not there": FREE.keys() - known,
    }
    if said := [f"{what}: {'; '.join(map(' '.join, sorted(which)))}" for what, which in wrong.items() if which]:
        raise SystemExit("\n".join(said))


# --- the verbs of the doors -----------------------------------------------------------------------------------


def verbs(built: Iterable[tuple[str, Door]]) -> Table:
    """Return what each door calls for which verb. Raises SystemExit for a door that is not known here."""
    table: Table = {}
    for prefix, door in built:
        match door:
            case Gateway():
                _add_services(table, door)
            case OciDoor():
                _add_oci(table, door)
            case PresignedDoor():
                _add(table, "OCI", {f"GET, HEAD {prefix}…": door.answer})
            case ConsoleDoor():
                _add_console(table, door)
            case ControlDoor():
                _add_control(table, door)
            case _:
                raise SystemExit(f"tools/list_gate.py does not know the verbs of {type(door).__name__} at {prefix}")
    return table


def _add_services(table: Table, door: Gateway) -> None:
    _add(table, "OCI", {"GET /": door.answer})
    for parts in door.services:
        _add(table, parts.service.name.upper(), parts.handlers)


def _add_oci(table: Table, door: OciDoor) -> None:
    for place, handlers in door.handlers.items():
        _add(table, "OCI", _by_function(_IN_REPOSITORY[place], handlers))
    if get_args(routes.Route) != (routes.Ping, routes.Catalog, routes.InRepository):
        raise SystemExit("there are paths beneath /v2/ that tools/list_gate.py does not know")
    _add(table, "OCI", {"GET, HEAD /v2/_catalog": door.listings.catalog, "GET, HEAD /v2/": _no_function})
    # The way in of every request: a caller with an access key needs what its token would have needed.
    _add(table, "OCI", {"any method and path, with an access key (`basic_access_keys`)": door.answer})


def _add_console(table: Table, door: ConsoleDoor) -> None:
    for route in door.pages.routes:
        pattern = re.sub(r"{(\w+)}", lambda name: name[1].upper(), route.pattern)
        _add(table, "Console", {f"{route.method} {pattern}": route.handler})
    _add(table, "Console", {"GET /console/": door.first_page})
    for verb in ("GET /console/sign-in", "POST /console/sign-in", "POST /console/sign-out"):
        _add(table, "Console", {verb: door.entrance.answer})
    _add(table, "Console", {"GET /console/assets/NAME": door.renderer.asset})


def _add_control(table: Table, door: ControlDoor) -> None:
    for name, handlers in door.routes.items():
        _add(table, "Control", _by_function(f"{PREFIX}{name}", handlers))


def _no_function() -> None:
    """Stand for what a door answers without a caller."""


def _by_function(path: str, handlers: Mapping[str, Any]) -> dict[str, Any]:
    """Name the methods of a path together that one function answers."""
    groups: dict[Any, list[str]] = {}
    for method, handler in handlers.items():
        groups.setdefault(handler, []).append(method)
    return {f"{', '.join(methods)} {path}": handler for handler, methods in groups.items()}


def _add(table: Table, title: str, handlers: Mapping[str, Any]) -> None:
    for name, handler in handlers.items():
        function = inspect.unwrap(handler)
        table.setdefault(f"{function.__module__}:{function.__qualname__}", []).append((title, name))


def _verb(table: Table, stack: list[str], action: str) -> Verb:
    """Return the verb that asked: of the function nearest to the door's way in; of several verbs the action's own."""
    ways_in = {f"{kind.__module__}:{kind.__qualname__}.answer" for kind in (OciDoor, ConsoleDoor, Gateway)}
    called = [name for name in stack if name in table]
    group = table[next((name for name in called if name not in ways_in), called[0])] if called else []
    named = [verb for verb in group if verb[1] == action.partition(":")[2]]
    if len(named or group) != 1:
        raise SystemExit(f"it is not clear which verb asked for {action}: {', '.join(stack)}")
    return (named or group)[0]


# --- the page -------------------------------------------------------------------------------------------------


def _part(title: str, found: Mapping[tuple[Verb, str], Asked]) -> str:
    own = [(verb[1], action, asked) for (verb, action), asked in found.items() if verb[0] == title]
    if not own:
        return f"## {title}\n\nIt asks nothing; the last table says why.\n"
    head = ["| verb | action | resource | keys | seen by |", "|---|---|---|---|---|"]
    rows = [_row(title, *each) for each in sorted(own, key=lambda each: (_place(each[0]), each[1]))]
    return "\n".join([f"## {title}\n", *head, *rows, ""])


def _place(verb: str) -> tuple[str, str]:
    """Sort by address first, so that what may be done at one stands together."""
    methods, _, path = verb.rpartition(" ")
    return path, methods


def _row(title: str, verb: str, action: str, asked: Asked) -> str:
    keys = ", ".join(f"`{key}`" for key in sorted(asked.keys))
    resources = ", ".join(f"`{each}`" for each in sorted(asked.resources))
    test = min(asked.tests, key=lambda name: (not name.startswith(SUITES[title]), name))
    return f"| {_code(verb)} | `{action}` | {resources} | {keys} | `{test}` |"


def _code(verb: str) -> str:
    return f"`{verb}`" if "/" in verb and "`" not in verb else verb


def _free() -> str:
    head = ["| door | verb | why |", "|---|---|---|"]
    rows = [f"| {title} | {_code(verb)} | {why} |" for (title, verb), why in FREE.items()]
    return "\n".join(["## What asks nothing\n", *head, *rows, ""])


def _kinds(arn: str) -> set[str]:
    """Return the kind of resource that an ARN names: `repository/…`, `user/…`, or `*`; none for what is no ARN."""
    parts = arn.split(":", 5)
    if len(parts) != _PARTS_OF_AN_ARN:
        return {arn} & {"*"}
    kind, slash, name = parts[-1].partition("/")
    return {f"{kind}/{name if name in ('', '*') else '…'}" if slash else kind}


def _key(key: str) -> str:
    """Leave out what is a tag's name or an issuer's."""
    claim = _CLAIM.search(key)
    return f"ISSUER:{claim[1]}" if claim else key.partition("/")[0] + ("/…" if "/" in key else "")


def main(arguments: list[str]) -> int:
    if arguments == ["--suites"]:
        print(*witness.SUITES)
        return 0
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
