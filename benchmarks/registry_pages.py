"""What a page of a repository costs where it has 100 images, and where it has 100,000: the cost should not grow.

    PYTHONPATH=src:. python benchmarks/registry_pages.py [IMAGES]

Each size has a server of its own, on SQLite and then on PostgreSQL. They are asked in turns, by signed requests over
one connection. The catalog is filled with copies of the rows of one image that was pushed; PutImage pushes more.
Median, p95 and the server's CPU (without PostgreSQL's) are for one request. distribution's `docker-registry` (Debian's
package) is asked the same under `/v2/` if it is here; its folder is filled with the files that it writes itself.
"""

import asyncio
import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from http.client import HTTPResponse
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from sqlalchemy import Connection, Row, insert, select

from tests.ports import free_port
from tests.postgres import start_postgres
from tests.reading import settle_statistics
from tests.served import Served, new_account, start
from tests.signed import Signer
from twinport.catalog.embedded import EmbeddedCatalog
from twinport.catalog.ports import WholeCatalog
from twinport.catalog.postgres import PostgresCatalog
from twinport.catalog.regional import repositories, schema
from twinport.clock import WallClock, WorldClock
from twinport.model.images import ImageStatus
from twinport.model.names import AccountId, RegionName, Registry, RepositoryName

FEW, MANY = 100, 100_000
ROUNDS = 60
WARM = 5
NAME, REGION = "team/api", RegionName("eu-west-1")
# Repositories where few images are active and have tags, among images in the archive, and among images without tags.
OLD, BARE = "team/old", "team/bare"
OCI = "application/vnd.oci.image.manifest.v1+json"
CONFIG = b"{}"
# So many of the last images have no tag, or alone have one: a page that is filtered by that is to find them among all.
FEW_OF_A_KIND = 10
BATCH = 5000
LIMIT_SECONDS = 600
LIFECYCLE = json.dumps(
    {
        "rules": [
            {
                "rulePriority": 1,
                "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 10},
                "action": {"type": "expire"},
            }
        ]
    }
)


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def manifest(word: str) -> bytes:
    parts = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest_of(CONFIG), "size": len(CONFIG)}
    document = {"schemaVersion": 2, "mediaType": OCI, "config": parts, "layers": []}
    return json.dumps({**document, "annotations": {"n": word}}).encode()


def tag_of(number: int) -> str:
    return f"v{number:06}"


# --- servers --------------------------------------------------------------------------------------------------


@dataclass
class Site:
    """A server with a repository of so many images, and a connection to it."""

    images: int
    port: int
    process: int
    signer: Signer | None = None
    password: str = ""
    connection: socket.socket = field(init=False)
    # What requests are made of, found out before the clock runs: tokens of pages in the middle.
    tokens: dict[str, str] = field(default_factory=dict)
    pushed: int = 0

    def connect(self) -> None:
        """Open a connection. A server closes one that is idle, as it is while the other site works."""
        self.connection = socket.create_connection(("127.0.0.1", self.port), timeout=LIMIT_SECONDS)

    def send(self, request: bytes) -> bytes:
        self.connection.sendall(request)
        answer = HTTPResponse(self.connection)
        answer.begin()
        body = answer.read()
        if answer.status not in (200, 201):
            raise AssertionError(f"{answer.status} {body[:300]!r}")
        return body

    def ecr(self, operation: str, **members: object) -> bytes:
        """Return a request, signed now."""
        if self.signer is None:
            raise AssertionError("distribution has no such door")
        return self.signer.ecr(operation, {"repositoryName": NAME, **members})

    def v2(self, method: str, path: str, body: bytes = b"", *, name: str = NAME) -> bytes:
        """Return a request of the registry protocol."""
        lines = [f"{method} /v2/{name}/{path} HTTP/1.1", f"Host: 127.0.0.1:{self.port}", f"Accept: {OCI}"]
        if self.password:
            lines.append(f"Authorization: Basic {self.password}")
        if body:
            lines += [f"Content-Type: {OCI}", f"Content-Length: {len(body)}"]
        return "\r\n".join([*lines, "", ""]).encode() + body

    def another(self) -> tuple[str, bytes]:
        """Return the tag and the manifest of an image that was not pushed."""
        self.pushed += 1
        return f"new-{self.pushed}", manifest(f"new {self.pushed}")

    def cpu_ms(self) -> float:
        """Return the CPU time of the server's processes since they started."""
        ticks = 0
        for process in (self.process, *_children(self.process)):
            fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks * 1000 / os.sysconf("SC_CLK_TCK")


def _children(process: int) -> Sequence[int]:
    return [int(each) for each in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


@contextmanager
def twinport(folder: Path, images: int, address: str | None) -> Iterator[Site]:
    """Start a server, push an image, copy its rows, and start the server again."""
    database = {} if address is None else {"TWINPORT_DATABASE": address}
    account = new_account()
    served = start(folder / "data", None, None, **database)
    for name in (NAME, OLD, BARE):
        push_first(served, account, name)
    served.stop()
    world = WorldClock(WallClock())
    catalog = EmbeddedCatalog(folder / "data", world) if address is None else PostgresCatalog(address, world)
    asyncio.run(fill(catalog, images, account))
    catalog.close()
    served = start(folder / "data", None, None, **database)
    token = served.client("ecr", account).get_authorization_token()["authorizationData"][0]["authorizationToken"]
    try:
        yield Site(images, served.port, served.process.pid, Signer(f"127.0.0.1:{served.port}", account), token)
    finally:
        served.stop()


def push_first(served: Served, account: str, name: str) -> None:
    ecr = served.client("ecr", account)
    ecr.create_repository(repositoryName=name)
    upload = ecr.initiate_layer_upload(repositoryName=name)["uploadId"]
    where = {"repositoryName": name, "uploadId": upload}
    ecr.upload_layer_part(**where, partFirstByte=0, partLastByte=len(CONFIG) - 1, layerPartBlob=CONFIG)
    ecr.complete_layer_upload(**where, layerDigests=[digest_of(CONFIG)])
    ecr.put_image(repositoryName=name, imageManifest=manifest("0").decode(), imageTag=tag_of(0))


# A status and whether there is a tag.
Kind = tuple[ImageStatus, bool]
ACTIVE_TAGGED, ACTIVE_BARE = (ImageStatus.ACTIVE, True), (ImageStatus.ACTIVE, False)
ARCHIVED_TAGGED, ARCHIVED_BARE = (ImageStatus.ARCHIVED, True), (ImageStatus.ARCHIVED, False)
# The kinds of most images of a repository, in turns, and the kind of the few others. The first image has a tag.
KINDS: Mapping[str, tuple[Sequence[Kind], Kind]] = {
    NAME: ((ACTIVE_TAGGED,), ACTIVE_BARE),
    OLD: ((ARCHIVED_TAGGED, ARCHIVED_BARE), ACTIVE_TAGGED),
    BARE: ((ACTIVE_BARE, ARCHIVED_BARE), ACTIVE_TAGGED),
}


async def fill(catalog: WholeCatalog, images: int, account: str) -> None:
    """Copy the rows of the image that is there until there are so many images, each a second younger than the last."""
    region, registry = catalog.region(REGION), Registry(AccountId(account), REGION)
    for name in KINDS:
        for first in range(1, images, BATCH):
            copy = partial(_copy, name=name, first=first, end=min(first + BATCH, images), images=images)
            await region.write(partial(copy, registry=registry))
    await region.write(settle_statistics)


def _copy(db: Connection, registry: Registry, name: str, first: int, end: int, images: int) -> None:
    own, one = repositories.get(db, registry.repository(RepositoryName(name))).id, digest_of(manifest("0"))
    image, link, tag = (
        _row(db, column.table, column.table.c.repository_id == own, column == one)
        for column in (schema.manifest.c.digest, schema.manifest_blob.c.manifest, schema.tag.c.digest)
    )
    contents = {number: manifest(str(number)) for number in range(first, end)}
    digests = {number: digest_of(content) for number, content in contents.items()}
    since = image["pushed_at"] - timedelta(seconds=images)
    rows = [
        {**image, "digest": digests[n], "content": contents[n], "pushed_at": since + timedelta(seconds=n)}
        for n in digests
    ]
    db.execute(insert(schema.manifest), rows)
    db.execute(insert(schema.manifest_blob), [{**link, "manifest": digest} for digest in digests.values()])
    most, few = KINDS[name]
    kinds = {n: few if n >= images - FEW_OF_A_KIND else most[n % len(most)] for n in digests}
    tags = [
        {**tag, "digest": digests[n], "name": tag_of(n), "status": status.value}
        for n, (status, is_tagged) in kinds.items()
        if is_tagged
    ]
    archived = {"repository_id": own, "status": ImageStatus.ARCHIVED.value, "archived_at": image["pushed_at"]}
    stored = [{**archived, "digest": digests[n]} for n, (status, _) in kinds.items() if status is ImageStatus.ARCHIVED]
    facts = {name: image[name] for name in ("repository_id", "image_size")}
    bare = [
        {**facts, "digest": row["digest"], "pushed_at": row["pushed_at"], "status": status.value}
        for row, (status, is_tagged) in zip(rows, kinds.values(), strict=True)
        if not is_tagged
    ]
    for table, each in ((schema.tag, tags), (schema.image_storage, stored), (schema.untagged_image, bare)):
        if each:
            db.execute(insert(table), each)


def _row(db: Connection, table: Any, *where: Any) -> dict[str, Any]:  # noqa: ANN401 — as SQLAlchemy has it
    row: Row[Any] = db.execute(select(table).where(*where)).one()
    return dict(row._mapping)  # noqa: SLF001 — public, by SQLAlchemy's manual


@contextmanager
def distribution(folder: Path, images: int, port: int) -> Iterator[Site]:
    config = folder / "registry.yml"
    config.write_text(
        "version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\n"
        f"storage: {{filesystem: {{rootdirectory: {folder}/theirs}}}}\nhttp: {{addr: 127.0.0.1:{port}}}\n"
    )
    fill_folder(folder / "theirs" / "docker" / "registry" / "v2", images)
    with subprocess.Popen(
        [shutil.which("docker-registry") or "", "serve", str(config)], stderr=subprocess.DEVNULL
    ) as process:
        try:
            _wait_for(f"http://127.0.0.1:{port}/v2/")
            yield Site(images, port, process.pid)
        finally:
            process.terminate()


def fill_folder(root: Path, images: int) -> None:
    """Write the files of a repository whose images are those of `fill`."""
    own = root / "repositories" / NAME
    _write(own / "_layers" / "sha256" / digest_of(CONFIG)[7:] / "link", digest_of(CONFIG).encode())
    _write(_data(root, digest_of(CONFIG)), CONFIG)
    for number in range(images):
        content = manifest(str(number))
        digest = digest_of(content)
        _write(_data(root, digest), content)
        _write(own / "_manifests" / "revisions" / "sha256" / digest[7:] / "link", digest.encode())
        if number < images - FEW_OF_A_KIND:
            _write(own / "_manifests" / "tags" / tag_of(number) / "current" / "link", digest.encode())


def _data(root: Path, digest: str) -> Path:
    return root / "blobs" / "sha256" / digest[7:9] / digest[7:] / "data"


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def _wait_for(address: str) -> None:
    deadline = time.monotonic() + LIMIT_SECONDS
    while True:
        try:
            urllib.request.urlopen(address, timeout=5).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return


# --- requests -------------------------------------------------------------------------------------------------

Request = Callable[[Site], bytes]


def middle(site: Site) -> int:
    return site.images // 2


def in_the_middle(site: Site) -> list[dict[str, str]]:
    return [{"imageTag": tag_of(middle(site))}]


def put_image(site: Site) -> bytes:
    tag, content = site.another()
    return site.ecr("PutImage", imageManifest=content.decode(), imageTag=tag)


def put_manifest(site: Site) -> bytes:
    tag, content = site.another()
    return site.v2("PUT", f"manifests/{tag}", content)


def listing(operation: str, *, name: str = NAME, deep: bool = False, **filters: str) -> Request:
    """Ask for a page of fifty: the first one, or the one in the middle."""
    more = {"filter": filters} if filters else {}

    def ask(site: Site) -> bytes:
        token = {"nextToken": site.tokens[operation]} if deep else {}
        return site.ecr(operation, repositoryName=name, maxResults=50, **more, **token)

    return ask


ECR: Mapping[str, Request] = {
    "DescribeImages": listing("DescribeImages"),
    "DescribeImages, in the middle": listing("DescribeImages", deep=True),
    "DescribeImages, tagged": listing("DescribeImages", tagStatus="TAGGED"),
    "DescribeImages, untagged": listing("DescribeImages", tagStatus="UNTAGGED"),
    "DescribeImages, archived": listing("DescribeImages", imageStatus="ARCHIVED"),
    "DescribeImages, one by its tag": lambda site: site.ecr("DescribeImages", imageIds=in_the_middle(site)),
    "ListImages": listing("ListImages"),
    "ListImages, in the middle": listing("ListImages", deep=True),
    "ListImages, tagged": listing("ListImages", tagStatus="TAGGED"),
    "ListImages, untagged": listing("ListImages", tagStatus="UNTAGGED"),
    "DescribeImages, active among archived": listing("DescribeImages", name=OLD),
    "DescribeImages, tagged among untagged": listing(
        "DescribeImages", name=BARE, tagStatus="TAGGED", imageStatus="ANY"
    ),
    "DescribeImages, active and tagged": listing("DescribeImages", name=OLD, tagStatus="TAGGED", imageStatus="ACTIVE"),
    "ListImages, active among archived": listing("ListImages", name=OLD),
    "ListImages, tagged among untagged": listing("ListImages", name=BARE, tagStatus="TAGGED", imageStatus="ANY"),
    "ListImages, active and tagged": listing("ListImages", name=OLD, tagStatus="TAGGED", imageStatus="ACTIVE"),
    "/v2/ tags, active among archived": lambda site: site.v2("GET", "tags/list?n=50", name=OLD),
    "BatchGetImage": lambda site: site.ecr("BatchGetImage", imageIds=in_the_middle(site)),
    "PutImage": put_image,
    "GetLifecyclePolicyPreview": listing("GetLifecyclePolicyPreview"),
    "GetLifecyclePolicyPreview, in the middle": listing("GetLifecyclePolicyPreview", deep=True),
    "GetLifecyclePolicyPreview, untagged": listing("GetLifecyclePolicyPreview", tagStatus="UNTAGGED"),
}
V2: Mapping[str, Request] = {
    "/v2/ tags, n=50": lambda site: site.v2("GET", "tags/list?n=50"),
    "/v2/ manifest by its tag": lambda site: site.v2("GET", f"manifests/{tag_of(middle(site))}"),
    "/v2/ manifest put": put_manifest,
}


def preview(site: Site) -> float:
    """Have a preview made of all images, and return how many seconds it took."""
    site.connect()
    began = time.perf_counter()
    site.send(site.ecr("StartLifecyclePolicyPreview", lifecyclePolicyText=LIFECYCLE))
    while json.loads(site.send(site.ecr("GetLifecyclePolicyPreview", maxResults=1)))["status"] == "IN_PROGRESS":
        if time.perf_counter() - began > LIMIT_SECONDS:
            raise AssertionError("the preview does not end")
        time.sleep(0.05)
    return time.perf_counter() - began


def find_middle(site: Site) -> None:
    """Turn pages until half of the repository is behind."""
    site.connect()
    for operation, most, what in (
        ("DescribeImages", 1000, "imageDetails"),
        ("ListImages", 1000, "imageIds"),
        ("GetLifecyclePolicyPreview", 100, "previewResults"),
    ):
        seen, token = 0, dict[str, str]()
        while seen < middle(site) - FEW_OF_A_KIND:
            page = json.loads(site.send(site.ecr(operation, maxResults=min(most, middle(site) // 2), **token)))
            seen, token = seen + len(page[what]), {"nextToken": page["nextToken"]}
        site.tokens[operation] = token["nextToken"]


# --- measuring ------------------------------------------------------------------------------------------------


@dataclass
class Cost:
    """What one request cost, of many that were sent."""

    seconds: list[float] = field(default_factory=list)
    cpu_ms: float = 0

    @property
    def median_ms(self) -> float:
        return median(self.seconds) * 1000

    @property
    def p95_ms(self) -> float:
        return quantiles(self.seconds, n=20)[-1] * 1000

    @property
    def each_ms(self) -> float:
        return self.cpu_ms / len(self.seconds)


def measure(sites: Sequence[Site], request: Request) -> list[Cost]:
    """Ask each site in turns."""
    costs = [Cost() for _ in sites]
    for number in range(WARM + ROUNDS):
        for site, cost in zip(sites, costs, strict=True):
            asked = request(site)
            if number == WARM:
                cost.cpu_ms = -site.cpu_ms()
            began = time.perf_counter()
            site.send(asked)
            if number >= WARM:
                cost.seconds.append(time.perf_counter() - began)
    for site, cost in zip(sites, costs, strict=True):
        cost.cpu_ms += site.cpu_ms()
    return costs


def report(title: str, sites: Sequence[Site], requests: Mapping[str, Request]) -> dict[str, list[Cost]]:
    few, many = sites
    for site in sites:
        site.connect()
    print(f"\n{title}: {few.images:,} images beside {many.images:,}")
    print(f"{'':<42}{'median ms':>16}{'ratio':>7}{'p95 ms':>16}{'ratio':>7}{'CPU ms':>16}{'ratio':>7}")
    found = {name: measure(sites, request) for name, request in requests.items()}
    for name, (small, large) in found.items():
        pairs = ((small.median_ms, large.median_ms), (small.p95_ms, large.p95_ms), (small.each_ms, large.each_ms))
        print(f"{name:<42}" + "".join(f"{one:8.2f}{two:8.2f}{two / max(one, 0.01):7.2f}" for one, two in pairs))
    return found


def compare(ours: Mapping[str, Sequence[Cost]], theirs: Mapping[str, Sequence[Cost]]) -> None:
    print("\ntwinport beside distribution, ratio of medians:")
    for name, costs in theirs.items():
        ratios = [own.median_ms / other.median_ms for own, other in zip(ours[name], costs, strict=True)]
        print(f"{name:<42}{ratios[0]:8.2f}{ratios[1]:8.2f}")


def measure_twinport(
    engine: str, folder: Path, sizes: Sequence[int], addresses: Sequence[str | None]
) -> dict[str, list[Cost]]:
    with ExitStack() as stack:
        sites = []
        for size, address in zip(sizes, addresses, strict=True):
            place = folder / f"{engine}-{size}"
            place.mkdir()
            sites.append(stack.enter_context(twinport(place, size, address)))
        made = [preview(site) for site in sites]
        for site in sites:
            find_middle(site)
        found = report(f"twinport on {engine}", sites, {**ECR, **V2})
        print(f"a preview was made in {made[0]:.2f} s and {made[1]:.2f} s")
    return found


def main(images: int) -> None:
    sizes = (FEW, images)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ours = measure_twinport("SQLite", folder, sizes, (None, None))
        server = start_postgres(folder)
        measure_twinport("PostgreSQL", folder, sizes, (server.new_address(), server.new_address()))
        server.stop()
        if shutil.which("docker-registry") is None:
            print("docker-registry is not here: no peer to compare with")
            return
        with ExitStack() as stack:
            sites = []
            for size in sizes:
                place = folder / f"distribution-{size}"
                place.mkdir()
                sites.append(stack.enter_context(distribution(place, size, free_port())))
            compare(ours, report("distribution", sites, V2))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else MANY)
