"""What the tour shows, on a narrow terminal and on none."""

import io
import re
import shlex
import shutil
from pathlib import Path

from rich.console import Console

from twinport.settings.loading import load
from twinport.tour.commands import status_command
from twinport.tour.guide import Taken
from twinport.tour.itinerary import DESTINATIONS, Copy
from twinport.tour.screen import Screen, console_of, next_commands, result

SESSION = "arn:aws:sts::111111111111:assumed-role/AWSServiceRoleForECRReplication/eu-west-1-to-us-east-1-32d3985f"
TAKEN = Taken("7", tuple(Copy(place, f"sha256:{'ab' * 32}", 1_050_323, 0.09, SESSION) for place in DESTINATIONS))


def test_the_table_loses_no_letter_on_eighty_columns() -> None:
    shown = rendered(80)
    assert max(map(len, shown.splitlines())) <= 80
    last_column = "".join(line[62:].strip() for line in shown.splitlines())
    assert last_column.count(SESSION.rpartition("assumed-role/")[2]) == 2


def test_the_table_tells_bytes_and_seconds_of_each_copy() -> None:
    shown = rendered(120)
    assert (shown.count("1,050,323"), shown.count("0.09 s")) == (2, 2)


def test_without_a_terminal_no_line_is_folded() -> None:
    output = io.StringIO()
    console = console_of(output)
    console.print(result(TAKEN))
    console.print("word " * 100)
    lines = output.getvalue().splitlines()
    assert sum(SESSION.rpartition("assumed-role/")[2] in line for line in lines) == len(DESTINATIONS)
    assert lines[-1].count("word") == 100


def test_the_last_words_have_the_status_command_of_this_folder_and_address() -> None:
    settings = load(None, {}, {"data": "/srv/my data", "listen": "127.0.0.1:5000"})
    words = shlex.split(status_command(settings))
    assert words[words.index("status") :] == ["status", "--data", "/srv/my data", "--listen", "127.0.0.1:5000"]
    assert Path(words[0]).is_absolute() or shutil.which(words[0])


def test_without_a_terminal_each_change_is_shown_once() -> None:
    output = io.StringIO()
    with Screen(Console(file=output, width=80)) as screen:
        for status in ("IN_PROGRESS", "IN_PROGRESS", "COMPLETE"):
            screen.traveling(dict.fromkeys(DESTINATIONS, status), 0.5)
    assert (output.getvalue().count("copying"), output.getvalue().count("complete  ")) == (2, 2)


def test_what_is_proposed_names_the_server_that_is_up() -> None:
    proposed = next_commands("http://127.0.0.1:5000", "7")
    assert set(re.findall(r"127\.0\.0\.1:\d+", proposed)) == {"127.0.0.1:5000"}
    assert proposed.count("aws --endpoint-url http://127.0.0.1:5000") == 3


def rendered(width: int) -> str:
    output = io.StringIO()
    Console(file=output, width=width).print(result(TAKEN))
    return output.getvalue()
