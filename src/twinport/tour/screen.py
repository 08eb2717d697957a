"""The tour on a terminal: its steps, live progress, the table at the end, and what to try next."""

from collections.abc import Mapping
from types import TracebackType
from typing import IO, Self

from rich import box
from rich.console import Console
from rich.live import Live
from rich.table import Table

from twinport.model.names import Registry
from twinport.tour.guide import Taken
from twinport.tour.itinerary import DESTINATIONS, OTHER_REGION, REPOSITORY, SOURCE

_WORDS = {"IN_PROGRESS": "[yellow]copying", "COMPLETE": "[green]complete", "FAILED": "[red]failed"}
# The width of a line that goes to a file or another program.
_WIDEST = 1000
_NOT_YET = "[dim]not yet planned"


def console_of(output: IO[str]) -> Console:
    """Return a console. If it is no terminal, lines are not wrapped, so that a person can copy or search them."""
    console = Console(file=output, highlight=False)
    return console if console.is_terminal else Console(file=output, highlight=False, width=_WIDEST)


class Screen:
    """An onlooker that writes to a console. If it is no terminal, each change becomes one line."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._steps = 0
        self._shown: Mapping[Registry, str] = {}
        self._live = Live(console=console, transient=True, auto_refresh=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def step(self, sentence: str) -> None:
        self._steps += 1
        self._console.print(f"[bold cyan]{self._steps}[/] {sentence}", soft_wrap=True)

    def traveling(self, statuses: Mapping[Registry, str], seconds: float) -> None:
        if self._console.is_terminal:
            self._live.start()
            self._live.update(_progress(statuses, seconds), refresh=True)
        elif statuses != self._shown:
            self._console.print(_progress(statuses, seconds))
        self._shown = dict(statuses)
        if all(statuses.get(place) == "COMPLETE" for place in DESTINATIONS):
            self._live.stop()
            self._console.print(f"  both copies complete {seconds:.2f} s after the push")


def result(taken: Taken) -> Table:
    """Return the table at the end, narrow enough for eighty columns."""
    title = f"{REPOSITORY}:{taken.tag}, every copy pulled back and every digest verified"
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for heading in ("source", "destination", "digest"):
        table.add_column(heading, no_wrap=True)
    for heading in ("bytes", "took"):
        table.add_column(heading, no_wrap=True, justify="right")
    table.add_column("carried by", overflow="fold")
    for copy in taken.copies:
        table.add_row(
            *(_two_lines(str(SOURCE), "/"), _two_lines(str(copy.destination), "/"), _two_lines(copy.digest[:19], ":")),
            *(f"{copy.bytes_carried:,}", f"{copy.seconds:.2f} s", copy.carried_by.rpartition("assumed-role/")[2]),
        )
    return table


def next_commands(url: str, tag: str) -> str:
    """Return three commands that work unchanged with any version of the AWS command line."""
    address = url.removeprefix("http://")
    return f"""\
  export AWS_ACCESS_KEY_ID={SOURCE.account} AWS_SECRET_ACCESS_KEY=test
  export AWS_DEFAULT_REGION={SOURCE.region} AWS_PAGER=

  aws --endpoint-url {url} iam get-role --role-name AWSServiceRoleForECRReplication

  aws --endpoint-url {url} ecr describe-image-replication-status \\
      --repository-name {REPOSITORY} --image-id imageTag={tag}

  aws --endpoint-url {url} ecr get-login-password | docker login -u AWS --password-stdin {address} &&
      docker run --rm {address}/{OTHER_REGION}/{REPOSITORY}:{tag}"""


def _progress(statuses: Mapping[Registry, str], seconds: float) -> Table:
    table = Table.grid(padding=(0, 2))
    for place in DESTINATIONS:
        table.add_row(f"  {SOURCE} → {place}", _WORDS.get(statuses.get(place, ""), _NOT_YET), f"{seconds:.1f} s")
    return table


def _two_lines(text: str, separator: str) -> str:
    return text.replace(separator, "\n", 1)
