"""The options that commands share: they select the deployment."""

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from twinport.files import private_files
from twinport.logs import telemetry
from twinport.logs.file import EventFile
from twinport.logs.levels import LogLevel
from twinport.settings.loading import Settings, load
from twinport.settings.sources import config_file

# The defaults that help texts show.
DEFAULTS = Settings()
# typer does not check that the file is readable. The code that opens it does, since an unreadable file is no misuse,
# and our refusal says what to do.
Data = Annotated[
    Path | None,
    typer.Option(help=f"Folder that holds everything (TWINPORT_DATA).  [default: {DEFAULTS.data}]", readable=False),
]
Config = Annotated[Path | None, typer.Option(help="TOML file with settings (TWINPORT_CONFIG).  [default: none]")]

Listen = Annotated[
    str | None, typer.Option(help=f"HOST:PORT to listen on (TWINPORT_LISTEN).  [default: {DEFAULTS.listen}]")
]

Open = Annotated[
    bool | None,
    typer.Option(
        "--open",
        help="Open every account to this machine's clients: twelve digits are an access key id, its secret is 'test'; "
        "test/test is account 000000000000 (TWINPORT_OPEN_ACCOUNTS).  [default: closed]",
        show_default=False,
    ),
]
Quiet = Annotated[
    bool | None, typer.Option("--quiet", help="Log warnings and errors alone (TWINPORT_LOG_LEVEL).", show_default=False)
]
_NONE: Mapping[str, object] = {}


def settings_from(
    data: Path | None,
    listen: str | None,
    config: Path | None,
    defaults: Mapping[str, object] = _NONE,
    *,
    quiet: bool | None = None,
    **others: object,
) -> Settings:
    """Combine the command's own defaults, the file, the environment and the given options.

    After that, the process creates no files that other users can read, and logs events according to the settings.
    """
    private_files.keep()
    given = {"data": data, "listen": listen, **others}
    file = config_file(os.environ, config)
    settings = load(file, os.environ, {name: value for name, value in given.items() if value is not None}, defaults)
    if quiet:
        settings = replace(settings, log_level=max(settings.log_level, LogLevel.WARNING))
    telemetry.configure(settings.log_level, None if settings.log_file is None else EventFile(settings.log_file))
    return settings
