"""The table `[organization]`, whose contents `access` reads."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class OrganizationTable:
    """The table `[organization]` as written. Its paths are relative to `folder`."""

    folder: Path
    table: Mapping[str, object]
