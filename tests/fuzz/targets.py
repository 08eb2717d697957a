"""What is fuzzed: each target takes bytes, and lets nothing pass but a result or a refusal of ours.

Pure targets call one parser; the two doors send whole requests. The same targets serve atheris (`make fuzz`), which
looks for inputs by what they reach, and `make test`, which tries the seeds.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from tempfile import mkdtemp
from xml.etree import ElementTree as ET

from tests.fuzz.doors import Answered, Doors
from twinport.aws import json11, protocols, query, shapes, sigv4, validate, xml
from twinport.aws.shapes import Operation, Service
from twinport.errors import Refusal
from twinport.http.admission import admission_of
from twinport.http.messages import request_of
from twinport.model.addresses import address_of, split_path_address
from twinport.model.content import Digest
from twinport.model.manifests import MANIFEST_TYPES, parse_manifest
from twinport.model.names import RegionName, repository_name, tag_name
from twinport.oci import ranges, routes
from twinport.settings.loading import Settings
from twinport.settings.open_accounts import OpenAccounts

Target = Callable[[bytes], None]
SEEDS = Path(__file__).parent / "seeds"
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
REGIONS = (RegionName("eu-west-1"), RegionName("us-east-1"))
ECR, IAM, STS = (shapes.load(name) for name in ("ecr", "iam", "sts"))
_JSON = [(ECR, operation) for operation in ECR.operations.values()]
_QUERY = [(service, operation) for service in (IAM, STS) for operation in service.operations.values()]
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW")


@contextmanager
def refusals() -> Iterator[None]:
    """Refusals are answers; whatever else is raised is a finding."""
    with suppress(Refusal):
        yield


def grammar(content: bytes) -> None:
    """Paths, names, references, ranges and hosts of the registry protocol: a line each."""
    path, reference, span, part, host = (content.decode("latin-1").split("\n") + [""] * 5)[:5]
    with refusals():
        route = routes.parse(path)
        if isinstance(route, routes.InRepository):
            _, name = split_path_address(route.path, REGIONS)
            assert str(repository_name(name)) == name
    for read in (Digest.parse, tag_name):
        with refusals():
            assert str(read(reference)) == reference
    asked = ranges.asked_range(span, 1000)
    assert not isinstance(asked, ranges.Span) or 0 <= asked.first <= asked.last < 1000
    with refusals():
        placed = ranges.part_range(part)
        assert placed.size > 0
    address_of(host)
    scope = {
        "method": "GET",
        "path": path,
        "raw_path": path.encode("latin-1"),
        "headers": [(b"host", host.encode("latin-1"))],
    }
    with refusals():
        admission_of(("*.example",), None, ()).admit(request_of(scope, lambda: None, "fuzz"))  # type: ignore[arg-type, return-value]


def manifests(content: bytes) -> None:
    """Manifests under each type that they may be sent as."""
    for declared in (None, *sorted(MANIFEST_TYPES)):
        with refusals():
            manifest = parse_manifest(content, declared)
            assert manifest.own_size >= 0
            assert not (manifest.children and manifest.blobs)


def signatures(content: bytes) -> None:
    """Requests as they claim to be signed: method, path, query, then a header a line. None of them is."""
    method, path, query_string, *lines = content.decode("latin-1").split("\n") + [""] * 3
    headers = tuple((name.lower(), value) for name, _, value in (line.partition(":") for line in lines) if name)
    # No server hands on a method that is not a token of ASCII.
    method = method.encode("ascii", "replace").decode()
    message = sigv4.Message(method, path, query_string, headers)
    with refusals():
        signed = sigv4.parse(message)
        sigv4.verify(signed, "secret", now=NOW, body_hash=sha256(b"").hexdigest())
        raise AssertionError("a signature was found")


def json_inputs(content: bytes) -> None:
    """Inputs of ECR."""
    _, operation, body = _chosen(_JSON, content)
    with refusals():
        value = json11.parse(body, operation.input)
        list(validate.problems(operation.input, value))


def query_inputs(content: bytes) -> None:
    """Inputs of IAM and STS. Whatever is said of them is XML."""
    service, operation, body = _chosen(_QUERY, content)
    request = protocols.Request(sigv4.Message("POST", "/", "", ()), body, "fuzz")
    try:
        value = query.parse(request.parameters(), operation.input)
        for problem in validate.problems(operation.input, value):
            _read(xml.error(service, "ValidationError", 400, protocols._violation(problem), "fuzz"))
    except Refusal as refusal:
        _read(xml.error(service, "MalformedInput", 400, refusal.message, "fuzz"))


def _read(answer: bytes) -> None:
    """Read XML that we wrote ourselves."""
    ET.fromstring(answer)  # noqa: S314


class RegistryDoor:
    """Whole requests to `/v2/`: method and path on the first line, then headers, an empty line, and the body."""

    def __init__(self, doors: Doors) -> None:
        self._doors = doors

    def __call__(self, content: bytes) -> None:
        head, _, body = content.partition(b"\n\n")
        first, *lines = _sendable(head).split("\n")
        method, path = _METHODS[ord(first[0]) % len(_METHODS)] if first else "GET", first[1:]
        headers = [
            (name, value.strip()) for name, _, value in (line.partition(":") for line in lines) if _is_token(name)
        ]
        target = f"/v2/{path}".replace("DIGEST", "sha256:" + 64 * "0").replace("UPLOAD", self._doors.upload)
        unexpected(self._doors.registry(method, target.replace(" ", "%20"), headers, (body[:10], body[10:])))


class ServiceDoor:
    """Rightly signed requests to ECR, IAM and STS."""

    def __init__(self, doors: Doors) -> None:
        self._doors = doors

    def __call__(self, content: bytes) -> None:
        service, operation, body = _chosen(_JSON + _QUERY, content)
        if service is ECR:
            unexpected(self._doors.json(operation.name, body))
            return
        named = f"Action={operation.name}&Version={service.api_version}&".encode()
        unexpected(self._doors.query(service.name, named + body))


def _chosen(operations: list[tuple[Service, Operation]], content: bytes) -> tuple[Service, Operation, bytes]:
    """Let the first two bytes choose an operation, so that the rest is what it is given."""
    service, operation = operations[int.from_bytes(content[:2], "big") % len(operations)]
    return service, operation, content[2:]


def unexpected(answer: Answered) -> None:
    """Fail unless an answer is one that a server can send and a client can be blamed for."""
    assert answer.status < 500, answer
    for name, value in answer.headers:
        assert not set(name + value) & set(b"\r\n\x00"), (name, value)


def _sendable(head: bytes) -> str:
    """Leave out what no server lets through in a request line or in a header."""
    return "".join(each for each in head.decode("latin-1") if each in "\n\t" or (each >= " " and each != "\x7f"))


def _is_token(name: str) -> bool:
    return name.isascii() and name.replace("-", "").isalnum()


def door_of(kind: type[RegistryDoor] | type[ServiceDoor]) -> Target:
    return kind(Doors(Settings(data=Path(mkdtemp()) / "data", open_accounts=OpenAccounts.LOCAL)))


def seeds_of(target: str) -> list[bytes]:
    """Return what a run begins with."""
    return [path.read_bytes() for path in sorted((SEEDS / target).iterdir())]


TARGETS: dict[str, Callable[[], Target]] = {
    "grammar": lambda: grammar,
    "manifests": lambda: manifests,
    "signatures": lambda: signatures,
    "json": lambda: json_inputs,
    "query": lambda: query_inputs,
    "registry-door": lambda: door_of(RegistryDoor),
    "service-door": lambda: door_of(ServiceDoor),
}
