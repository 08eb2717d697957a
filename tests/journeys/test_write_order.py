"""What the kernel sees: bytes, their name, and the row are durable before the answer that speaks of them is sent."""

import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from tests.catalogs import POSTGRESQL, SQLITE
from tests.journeys import replication
from tests.journeys.clients import AWAY, HOME, Owner
from tests.journeys.commands import find
from tests.journeys.images import small
from tests.journeys.postgresql import PostgreSQL
from tests.journeys.registry import Registry
from tests.journeys.replication import TO_THE_OTHER_REGION
from tests.journeys.server import Server
from tests.waiting import PATIENCE_SECONDS

LAYERS_ARE_FILES = True

REPOSITORY = "team/api"
# The file whose sync makes a row durable.
ROW = {SQLITE: r"/catalog\.db-wal", POSTGRESQL: r"/pg_wal/[0-9A-F]{24}"}
# That of the landing there, then that of the settlement here; PostgreSQL has one log for both.
ROWS_OF_A_COPY = {
    SQLITE: [rf"/{AWAY}/catalog\.db-wal", rf"/{HOME}/catalog\.db-wal"],
    POSTGRESQL: [ROW[POSTGRESQL]],
}
COMPLETE = r'"COMPLETE\\"'
CALLS = "trace=copy_file_range,fsync,fdatasync,write,writev,sendto,sendmsg"
# Both a small blob, which one job writes, and one that is written batch by batch.
SIZES = {"small": 1 << 10, "large": 9 << 20}

Traced = Callable[[], AbstractContextManager[Path]]


@pytest.fixture(autouse=True)
def _repository(source: Owner) -> None:
    source.boto("ecr").create_repository(repositoryName=REPOSITORY)


@pytest.fixture
def traced(server: Server, database: str, tmp_path: Path, request: pytest.FixtureRequest) -> Traced:
    """Let strace write down, in the order of their ends, what the server and its database sync and send."""
    serving = [server.pid]
    if database == POSTGRESQL:
        postgres: PostgreSQL = request.getfixturevalue("postgres")
        # Those that serve twinport, and through the first of all those that will.
        serving += [postgres.pid, *postgres.connections()]
    return lambda: stracing(serving, tmp_path / "trace")


@contextmanager
def stracing(processes: list[int], trace: Path) -> Iterator[Path]:
    attached = [word for process in processes for word in ("-p", str(process))]
    command = [find("strace"), "-f", "-y", "-s", "1024", "-e", CALLS, "-o", str(trace), *attached]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as strace:
        assert strace.stderr is not None
        assert all("attached" in strace.stderr.readline() for _ in processes)
        yield trace
        strace.send_signal(signal.SIGINT)
        strace.communicate(timeout=PATIENCE_SECONDS)


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_a_layer_is_durable_by_bytes_by_name_and_by_row_before_it_is_acknowledged(
    source: Owner, traced: Traced, database: str, size: int
) -> None:
    layer = small(layer_bytes=size).layers[0]
    with traced() as trace:
        assert Registry.of(source).push_blob(REPOSITORY, layer) == 201
    seen = trace.read_text()
    order = [
        place(seen, r"fsync\(\d+<[^>]*/blobs/[0-9a-f]{2}/[0-9a-f]{32}>"),
        place(seen, r"fsync\(\d+<[^>]*/blobs/[0-9a-f]{2}>"),
        place(seen, rf"sync\(\d+<[^>]*{ROW[database]}>"),
        place(seen, r"HTTP/1\.1 201"),
    ]
    assert order == sorted(order)


def test_a_layer_of_several_parts_is_joined_and_durable_before_it_is_acknowledged(
    source: Owner, traced: Traced, database: str
) -> None:
    layer, registry = small(layer_bytes=SIZES["large"]).layers[0], Registry.of(source)
    started = registry.ask("POST", f"{REPOSITORY}/blobs/uploads/")
    upload = f"{REPOSITORY}/blobs/uploads/{started.headers['docker-upload-uuid']}"
    for part in (layer.content[:1000], layer.content[1000:]):
        assert registry.ask("PATCH", upload, part).status == 202
    with traced() as trace:
        assert registry.ask("PUT", f"{upload}?digest={layer.digest}").status == 201
    seen, file = trace.read_text(), r"\d+<[^>]*/blobs/[0-9a-f]{2}/[0-9a-f]{32}>"
    assert len(re.findall(rf"copy_file_range\({file}", seen)) >= 2, "the system copies each part"
    order = [
        place(seen, rf"copy_file_range\({file}"),
        place(seen, rf"fsync\({file}"),
        place(seen, r"fsync\(\d+<[^>]*/blobs/[0-9a-f]{2}>"),
        place(seen, rf"sync\(\d+<[^>]*{ROW[database]}>"),
        place(seen, r"HTTP/1\.1 201"),
    ]
    assert order == sorted(order)


def test_an_image_is_durable_before_it_is_acknowledged(source: Owner, traced: Traced, database: str) -> None:
    image, registry = small(), Registry.of(source)
    assert [registry.push_blob(REPOSITORY, blob) for blob in image.blobs] == [201] * len(image.blobs)
    with traced() as trace:
        assert registry.put_manifest(REPOSITORY, "1.4", image) == 201
    seen = trace.read_text()
    assert place(seen, rf"sync\(\d+<[^>]*{ROW[database]}>") < place(seen, r"HTTP/1\.1 201")


def test_a_copy_is_durable_before_its_status_is_complete(
    source: Owner, source_away: Owner, traced: Traced, database: str
) -> None:
    image, registry = small(), Registry.of(source)
    replication.configure(source, TO_THE_OTHER_REGION)
    assert [registry.push_blob(REPOSITORY, blob) for blob in image.blobs] == [201] * len(image.blobs)
    with traced() as trace:
        assert registry.put_manifest(REPOSITORY, "1.4", image) == 201
        replication.wait_for_copies(source, REPOSITORY, {"imageTag": "1.4"}, source_away)
    seen, there = trace.read_text(), rf"/{AWAY}/blobs/[0-9a-f]{{2}}"
    order = [
        place(seen, rf"fsync\(\d+<[^>]*{there}/[0-9a-f]{{32}}>", COMPLETE),
        place(seen, rf"fsync\(\d+<[^>]*{there}>", COMPLETE),
        *[place(seen, rf"sync\(\d+<[^>]*{row}>", COMPLETE) for row in ROWS_OF_A_COPY[database]],
        place(seen, COMPLETE, COMPLETE),
    ]
    assert order == sorted(order)


def place(trace: str, pattern: str, answer: str = r"HTTP/1\.1 201") -> int:
    """Return on which line the last call that matches came to an end, of those begun before the answer."""
    lines = trace.splitlines()
    answered = next((number for number, line in enumerate(lines) if re.search(answer, line)), len(lines) - 1)
    begun = [number for number, line in enumerate(lines[: answered + 1]) if re.search(pattern, line)]
    assert begun, f"nothing in the trace matches {pattern}"
    return _end(lines, begun[-1])


def _end(lines: list[str], number: int) -> int:
    """A call that another thread's interrupts is finished on a later line of its own thread."""
    if "<unfinished" not in lines[number]:
        return number
    thread = lines[number].split()[0]
    later = range(number + 1, len(lines))
    return next(each for each in later if lines[each].startswith(thread) and "resumed" in lines[each])
