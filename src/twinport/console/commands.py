"""The AWS command that does the same as a form, ready to paste into a shell."""

import json
import shlex
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from twinport.console.visits import Visit
from twinport.model.names import RegionName
from twinport.model.printable import printable
from twinport.model.replication import ReplicationConfiguration

_FILES = ("file://", "fileb://")
# The files that a page asks the visitor to write before the command.
_OF_THE_VISITOR = tuple(f"file://{name}.json" for name in ("configuration", "lifecycle", "policy", "rules"))
# White space of documents.
_KEPT = "\t\n\r"
Json = Mapping[str, "Json"] | Sequence["Json"] | str | int | bool


@dataclass(frozen=True, slots=True)
class Cli:
    """Writes commands for one deployment and one Region, or for a service without Regions."""

    endpoint: str
    region: RegionName | None

    def line(self, operation: str, *switches: str, **options: str) -> str:
        """Return `aws OPERATION --option value …`, one option on each line, quoted for a POSIX shell."""
        places = {"endpoint-url": self.endpoint} | ({"region": self.region} if self.region else {})
        given = {name.replace("_", "-"): value for name, value in options.items()}
        words = [f"--{name} {quoted(_argument(name, value))}" for name, value in (given | places).items()]
        return " \\\n    ".join([f"aws {operation}", *(f"--{name}" for name in switches), *words])


def quoted(value: str) -> str:
    """Quote a value for a POSIX shell.

    Control characters are escaped as Python does: a terminal into which they are pasted obeys them before the shell
    reads the quotes.
    """
    return shlex.quote("".join(printable(each) if _is_control(each) else each for each in value))


def _argument(name: str, value: str) -> str:
    """Return a value, or its name in capitals for one that the AWS CLI would replace by the contents of a file.

    Tenants choose descriptions, and nobody shall send a file of theirs by pasting one.
    """
    if value.startswith(_FILES) and value not in _OF_THE_VISITOR:
        return name.upper()
    return value


def _is_control(character: str) -> bool:
    return character not in _KEPT and unicodedata.category(character) == "Cc"


def ecr(visit: Visit) -> Cli:
    return Cli(visit.endpoint, visit.region)


def iam(visit: Visit) -> Cli:
    return Cli(visit.endpoint, None)


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
