"""Where settings come from: a TOML file and the environment. Each is read to values by the names that it uses."""

import re
import tomllib
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path

from twinport.settings.declaration import Declarations
from twinport.settings.organization_table import OrganizationTable

_PREFIX = "TWINPORT_"
# Variables that are no settings: the variables of our clients, commands and tests, and those that Kubernetes sets in
# every container when there is a service named 'twinport'.
_OTHER_VARIABLES = re.compile(
    r"TWINPORT_(CONFIG|ENDPOINT|CI|SEED|KILLS|EXAMPLES|FUZZ_EXAMPLES|WITNESS(_TEST)?|SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?"
    r"|PORT(_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)"
)


def config_file(environment: Mapping[str, str], option: Path | None = None) -> Path | None:
    """Return the settings file that the option `--config` names, or otherwise the variable."""
    named = environment.get("TWINPORT_CONFIG")
    return option or (Path(named) if named else None)


def from_file(file: Path | None, problems: list[str]) -> dict[str, object]:
    """Return the values of a TOML file, if there is one."""
    if file is None:
        return {}
    try:
        given = tomllib.loads(file.read_text())
        table = given.get("organization")
        return {**given, "organization": OrganizationTable(file.parent, table)} if isinstance(table, dict) else given
    except OSError as error:
        problems.append(f"{file}: cannot be read: {error.strerror}")
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        problems.append(f"{file}: is not TOML: {error}")
    return {}


def from_environment(
    environment: Mapping[str, str], declarations: Declarations, problems: list[str]
) -> dict[str, object]:
    """Return the values of the variables that are settings. Every other variable with our prefix is a problem."""
    known = {_variable(name): name for name in declarations}
    given = {variable: text for variable, text in environment.items() if variable.startswith(_PREFIX) and text}
    unknown = sorted(each for each in given.keys() - known.keys() if not _OTHER_VARIABLES.fullmatch(each))
    new = [_variable(each.name) for each in declarations.values()]
    problems.extend(f"'{each}' (environment) is not a setting: {suggestion(each, new)}" for each in unknown)
    return {
        name: _split(given[variable]) if declarations[name].is_list else _unquoted(given[variable])
        for variable, name in known.items()
        if variable in given
    }


def suggestion(name: str, known: Iterable[str]) -> str:
    """Suggest the nearest name, or list all names."""
    names = sorted(set(known))
    nearest = get_close_matches(name, names, n=1)
    return f"did you mean '{nearest[0]}'?" if nearest else f"use one of {', '.join(names)}"


def _variable(name: str) -> str:
    return f"{_PREFIX}{name.upper()}"


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _unquoted(text: str) -> object:
    return {"true": True, "false": False}.get(text.lower(), text)
