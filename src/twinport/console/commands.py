"""The AWS command that does the same as a form, ready to paste into a shell."""

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from twinport.console.visits import GLOBAL_REGION, Visit
from twinport.model.names import RegionName
from twinport.model.printable import printable
from twinport.model.replication import ReplicationConfiguration

# The AWS CLI reads the files that values name, and version 1 also fetches the addresses; "-" begins an option.
_NOT_AS_TYPED = ("file://", "fileb://", "http://", "https://", "-")
# The files that a page asks the visitor to write before the command.
_OF_THE_VISITOR = tuple(f"file://{name}.json" for name in ("configuration", "lifecycle", "policy", "rules"))
# All control characters (category Cc) but the white space of documents.
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
Json = Mapping[str, "Json"] | Sequence["Json"] | str | int | bool


@dataclass(frozen=True, slots=True)
class Cli:
    """Writes commands for one deployment and one Region."""

    endpoint: str
    region: RegionName

    def line(self, operation: str, *switches: str, **options: str) -> str:
        """Return `aws OPERATION --option value …`, one option on each line, quoted for a POSIX shell.

        A value that the AWS CLI would not take as it is stands in `--cli-input-json`, which it takes as it is. Tenants
        choose descriptions, and a pasted command shall neither send a file of the visitor's nor call an address.
        """
        places = {"endpoint-url": self.endpoint, "region": self.region}
        given = {name.replace("_", "-"): value for name, value in options.items() if _is_taken_as_typed(value)}
        inside = {_member(operation, name): value for name, value in options.items() if not _is_taken_as_typed(value)}
        if inside:
            given["cli-input-json"] = json.dumps(inside)
        words = [f"--{name} {quoted(value)}" for name, value in (given | places).items()]
        return " \\\n    ".join([f"aws {operation}", *(f"--{name}" for name in switches), *words])


def quoted(value: str) -> str:
    """Quote a value for a POSIX shell.

    Control characters are escaped as Python does: a terminal into which they are pasted obeys them before the shell
    reads the quotes.
    """
    return shlex.quote(_CONTROLS.sub(lambda found: printable(found[0]), value))


def _is_taken_as_typed(value: str) -> bool:
    return value in _OF_THE_VISITOR or not value.startswith(_NOT_AS_TYPED)


def _member(operation: str, option: str) -> str:
    """Return the member of the operation's input that an option stands for. Those of IAM begin with a capital."""
    first, *others = option.split("_")
    first = first.capitalize() if operation.startswith("iam ") else first
    return first + "".join(each.capitalize() for each in others)


def ecr(visit: Visit) -> Cli:
    return Cli(visit.endpoint, visit.region)


def iam(visit: Visit) -> Cli:
    """IAM has no Regions, but the AWS CLI asks for one where the endpoint is given."""
    return Cli(visit.endpoint, GLOBAL_REGION)


def configuration_json(configuration: ReplicationConfiguration) -> dict[str, Json]:
    """Return rules in the form of ECR's API."""
    rules: list[Json] = []
    for rule in configuration.rules:
        written: dict[str, Json] = {
            "destinations": [{"region": place.region, "registryId": place.account} for place in rule.destinations]
        }
        if rule.prefixes:
            written["repositoryFilters"] = [
                {"filter": prefix, "filterType": "PREFIX_MATCH"} for prefix in rule.prefixes
            ]
        if rule.deletions is not None:
            written["deleteReplication"] = {"enabled": rule.deletions}
        rules.append(written)
    return {"rules": rules}


def put_replication(visit: Visit, configuration: ReplicationConfiguration) -> str:
    text = json.dumps(configuration_json(configuration))
    return ecr(visit).line("ecr put-replication-configuration", replication_configuration=text)


def pretty(text: str) -> str:
    """Indent JSON for reading. Other text stays unchanged."""
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except ValueError:
        return text


def pretty_within(text: str, most: int) -> str:
    """Indent JSON for an editor, unless it would then be longer than it may be."""
    indented = pretty(text)
    return indented if len(indented) <= most else text
