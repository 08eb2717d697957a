"""The program's entry. Health checks run `twinport status --ready` every few seconds, so that imports little."""

import importlib
import os
import sys


def main() -> None:
    """Run `twinport status --ready` by itself, and any other command line as `cli` does."""
    if sys.argv[1:] == ["status", "--ready"]:
        sys.exit(_ready())
    importlib.import_module("twinport.cli").main()


def _ready() -> int:
    asking = importlib.import_module("twinport.status.own_server")
    config = importlib.import_module("twinport.settings.loading")
    sources = importlib.import_module("twinport.settings.sources")
    try:
        settings = config.load(sources.config_file(os.environ), os.environ, {})
    except config.ConfigurationWrong as wrong:
        sys.stderr.write(f"twinport: {wrong.message}\n")
        return 2
    found = asking.ask(settings)
    sys.stdout.write(f"{found.line()}\n")
    return 0 if found.is_ready else 4
