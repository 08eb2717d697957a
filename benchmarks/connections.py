"""How many connections a deployment of ten Regions and eight processes holds, and how much memory.

Two servers of three processes and two workers stand on one PostgreSQL with `max_connections = 100`; images are pushed
to all Regions at once, each copied to the next Region. A push that is refused with 503 is sent again after Retry-After,
as clients do. Run it with the packages of the tests: `python -m benchmarks.connections [postgresql|sqlite]`.
"""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread

import boto3
import psycopg

from tests.ports import free_port
from tests.postgres import PostgresServer, start_postgres

ACCOUNT = "111122223333"
REGIONS = (
    "eu-west-1", "eu-west-2", "eu-west-3", "eu-central-1", "eu-north-1",
    "us-east-1", "us-east-2", "us-west-1", "us-west-2", "ca-central-1",
)  # fmt: skip
TYPE = "application/vnd.oci.image.manifest.v1+json"
ROUNDS = 6
_HELD = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND application_name <> 'watch'"
_MADE = "SELECT sum(sessions) FROM pg_stat_database"


@dataclass
class Watch:
    """Asks PostgreSQL again and again how many connections there are."""

    address: str
    most: int = 0
    _ended: Event = field(default_factory=Event)

    def run(self) -> None:
        with psycopg.connect(self.address, autocommit=True, application_name="watch") as db:
            while not self._ended.wait(0.02):
                self.most = max(self.most, _number(db, _HELD))

    def end(self) -> None:
        self._ended.set()


def _number(db: psycopg.Connection[tuple[int]], query: str) -> int:
    row = db.execute(query.encode()).fetchone()
    return int(row[0]) if row else 0


@dataclass
class Client:
    """Pushes one small image, and counts what it heard."""

    ports: list[int]
    heard: Counter[int] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    tokens: dict[str, str] = field(default_factory=dict)

    def push(self, number: int) -> None:
        region, port = REGIONS[number % len(REGIONS)], self.ports[number % len(self.ports)]
        content = f"layer {number}".encode()
        parts = [self._blob(port, region, each) for each in (b"{}", content)]
        config, layer = ({"digest": digest, "size": size, "mediaType": "application/x"} for digest, size in parts)
        manifest = {"schemaVersion": 2, "mediaType": TYPE, "config": config, "layers": [layer]}
        body = json.dumps(manifest).encode()
        self.send(port, region, "PUT", f"/v2/team/api/manifests/t{number}", body, TYPE)

    def _blob(self, port: int, region: str, content: bytes) -> tuple[str, int]:
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        self.send(port, region, "POST", f"/v2/team/api/blobs/uploads/?digest={digest}", content)
        return digest, len(content)

    def send(self, port: int, region: str, method: str, path: str, body: bytes, kind: str = "") -> None:
        headers = {
            "Host": f"{ACCOUNT}.dkr.ecr.{region}.amazonaws.com",
            "Authorization": f"Basic {self.tokens[region]}",
            "Content-Type": kind or "application/octet-stream",
        }
        for _ in range(5):
            request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", body, headers, method=method)
            try:
                with urllib.request.urlopen(request, timeout=60) as answer:
                    self.heard[answer.status] += 1
                    return
            except urllib.error.HTTPError as refusal:
                self.heard[refusal.code] += 1
                after = refusal.headers.get("Retry-After")
                if refusal.code != 503 or after is None:
                    self.lost.append(f"{refusal.code} {refusal.read()[:200]!r}")
                    return
                time.sleep(int(after))
        self.lost.append("503 five times")


def memory(pids: list[int]) -> list[tuple[float, float]]:
    """Return the PSS and the RSS of processes, in MB."""
    return [(_field(pid, "Pss:"), _field(pid, "Rss:")) for pid in pids]


def _field(pid: int, name: str) -> float:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(name))


def family(pid: int) -> list[int]:
    """Return a process and its children."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(each for child in children for each in family(int(child)))]


def shown(pids: list[int]) -> str:
    measured = memory(pids)
    each = " ".join(f"{pss:.0f}/{rss:.0f}" for pss, rss in measured)
    return f"{each}  (PSS/RSS in MB; PSS together {sum(pss for pss, _ in measured):.0f})"


def main(engine: str) -> None:
    with TemporaryDirectory() as name, ExitStack() as ending:
        folder, server = Path(name), None
        variables = {**os.environ, "TWINPORT_OPEN_ACCOUNTS": "true", "TWINPORT_REGIONS": ",".join(REGIONS)}
        if engine == "postgresql":
            server = start_postgres(folder)
            ending.callback(server.stop)
            variables["TWINPORT_DATABASE"] = server.new_address()
        ports = [free_port() for _ in range(2 if server else 1)]
        servers = [f"serve --workers 3 --listen 127.0.0.1:{port}" for port in ports]
        processes = []
        for words in [*servers, "worker", "worker"]:
            command = [sys.executable, "-m", "twinport", *words.split(), "--data", str(folder / "data")]
            log = ending.enter_context((folder / "log").open("ab"))
            process = subprocess.Popen(command, env=variables, stderr=log)
            ending.callback(process.wait)
            ending.callback(process.send_signal, signal.SIGTERM)
            processes.append(process)
            _wait(ports[: len(processes)])
        measure(server, processes, Client(ports))
        lines = [json.loads(line) for line in (folder / "log").read_text().splitlines() if line.startswith("{")]
        bad = Counter((each["event"], str(each.get("reason"))[:90]) for each in lines if each["level"] != "info")
        print(f"warnings in the log: {dict(bad)}")


def measure(server: PostgresServer | None, processes: list["subprocess.Popen[bytes]"], client: Client) -> None:
    time.sleep(3)
    pids = [pid for process in processes for pid in family(process.pid)]
    print(f"{len(pids)} processes, supervisors among them; idle: {shown(pids)}")
    if server is None:
        push_all(client)
    else:
        with psycopg.connect(server.handle.get_uri(), autocommit=True, application_name="watch") as db:
            print(f"max_connections {db.execute('SHOW max_connections').fetchone()}; at rest: {_number(db, _HELD)}")
            watch = Watch(server.handle.get_uri())
            thread = Thread(target=watch.run)
            thread.start()
            made = _number(db, _MADE)
            push_all(client)
            watch.end()
            thread.join()
            print(f"connections at most {watch.most}; opened again {_number(db, _MADE) - made}")
    pids = [pid for process in processes for pid in family(process.pid)]
    print(f"after pushes: {shown(pids)}")
    print(f"answers {dict(client.heard)}; lost {len(client.lost)} {client.lost[:3]}")


def push_all(client: Client) -> None:
    """Make a repository in each Region, then push to all at once, for some rounds."""
    for number, region in enumerate(REGIONS):
        create(client, client.ports[0], region, REGIONS[(number + 1) % len(REGIONS)])
    began = time.monotonic()
    with ThreadPoolExecutor(20) as pool:
        list(pool.map(client.push, range(ROUNDS * len(REGIONS))))
    print(f"{ROUNDS * len(REGIONS)} pushes in {time.monotonic() - began:.1f} s")


def create(client: Client, port: int, region: str, destination: str) -> None:
    keys = {"aws_access_key_id": ACCOUNT, "aws_secret_access_key": "test"}
    ecr = boto3.client("ecr", region_name=region, endpoint_url=f"http://127.0.0.1:{port}", **keys)
    ecr.create_repository(repositoryName="team/api")
    rule = {"destinations": [{"region": destination, "registryId": ACCOUNT}]}
    ecr.put_replication_configuration(replicationConfiguration={"rules": [rule]})
    client.tokens[region] = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]


def _wait(ports: list[int]) -> None:
    for port in ports:
        for _ in range(600):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/_twinport/health", timeout=1).close()
                break
            except OSError:
                time.sleep(0.1)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "postgresql")
