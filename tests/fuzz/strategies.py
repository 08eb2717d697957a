"""Requests that are nearly right: each piece is one that means something, or one that should mean nothing."""

import base64
import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from hypothesis import strategies as st

from tests.fuzz.doors import ACCOUNT, HOST, LAYER, MANIFEST, REGION, digest_of
from twinport.aws.shapes import Kind, Shape

# What a server lets through in a path and in a header (RFC 9112, RFC 9110): bytes, each written as one character.
_PATH_CHARACTERS = st.characters(min_codepoint=0x21, max_codepoint=0xFF, exclude_characters="#?\x7f")
_HEADER_CHARACTERS = st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="\x7f")
_TEXT = st.text(max_size=12)
_QUOTED = _TEXT.map(lambda text: quote(text, errors="surrogatepass"))
_RAW = st.text(_PATH_CHARACTERS, max_size=12)

UPLOAD = "UPLOAD"
DIGESTS = (digest_of(LAYER), digest_of(MANIFEST), digest_of(b"nowhere"), f"sha256:{'A' * 64}", "sha256:", "md5:00", ":")
_SEGMENTS = st.sampled_from(
    (
        *("team", "api", "team/api", "blobs", "uploads", "manifests", "tags", "list", "referrers", "_catalog"),
        *("", ".", "..", "%2f", "%00", "%ff", "%", "%2e%2e", "A", "a" * 300, "latest", ACCOUNT, REGION, UPLOAD),
        *DIGESTS,
    )
)
_NUMBERS = ("-1", "0", "1", "1e3", "9" * 19, "9" * 30, "²", "0x1", " 1", "+1")
_VALUES = st.sampled_from((*DIGESTS, *_NUMBERS, "team/api", "team/web", "latest", "", "%00", "%ed%a0%80", "a" * 5000))
_QUERY_NAMES = st.sampled_from(("n", "last", "digest", "mount", "from", "artifactType", "tag", "nextToken", ""))
_SPANS = (
    *("0-4", "0-0", "4-0", "5-9", "0-99999999999999999999", f"{'9' * 19}-{'9' * 19}", "bytes 0-4/5", "-", "0-", "--"),
    *(
        "bytes=0-4",
        "bytes=-1",
        "bytes=-0",
        "bytes=9-",
        "bytes=0-1,2-3",
        f"bytes=0-{'9' * 25}",
        "bytes=²-³",
        "lines=1-2",
    ),
    ",".join(["bytes=0-0"] * 2000),
)
_HEADERS = {
    "content-range": st.sampled_from(_SPANS),
    "range": st.sampled_from(_SPANS),
    "if-range": st.sampled_from((f'"{DIGESTS[0]}"', "*", "Wed, 21 Oct 2015 07:28:00 GMT")),
    "if-none-match": st.sampled_from((f'"{DIGESTS[1]}"', "*", 'W/"x"', ",,,")),
    "content-type": st.sampled_from(("application/vnd.oci.image.index.v1+json", "text/html", ";", "a" * 5000)),
    "content-length": st.sampled_from((*_NUMBERS, "5, 5")),
    "host": st.sampled_from((HOST, f"{ACCOUNT}.dkr.ecr.{REGION}.localhost", "[::1", "a..b", "localhost:99999999")),
    "accept": st.sampled_from(("*/*", "text/html", "q=")),
    "origin": st.just("http://evil.example"),
    "x-forwarded-for": st.sampled_from(("1.2.3.4", ",", "::")),
}
_MEMBERS = st.fixed_dictionaries(
    {},
    optional={
        "schemaVersion": st.sampled_from((2, 1, "2", 2.0, 10**400, None)),
        "mediaType": st.sampled_from(("application/vnd.oci.image.index.v1+json", "x", 7, "\ud800")),
        "config": st.sampled_from((json.loads(MANIFEST)["config"], {}, [], {"digest": 1})),
        "layers": st.lists(st.sampled_from((json.loads(MANIFEST)["layers"][0], {}, 1, {"size": 1 << 70})), max_size=3),
        "manifests": st.sampled_from(([], None, [{}], [{"digest": DIGESTS[1], "mediaType": "x", "size": -1}])),
        "subject": st.sampled_from((json.loads(MANIFEST)["config"], None, [], {"digest": "\x00"})),
        "annotations": st.dictionaries(_TEXT, _TEXT | st.integers(), max_size=2),
        "artifactType": _TEXT,
    },
)
_DOCUMENTS = st.sampled_from(
    (MANIFEST, b"[" * 100_000, b'{"a":' * 50_000, b"9" * 100_000, b'{"a":1,"a":2}', b"\xff\xfe", b"NaN", b"1e999")
)
BODIES = _DOCUMENTS | st.binary(max_size=64) | _MEMBERS.map(lambda value: json.dumps(value).encode())
METHODS = st.sampled_from(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"))


def _places() -> st.SearchStrategy[str]:
    """Make paths of every route in a repository that exists, whose last part is anything."""
    places = ("manifests/", "blobs/", "referrers/", "blobs/uploads/", "tags/", f"{ACCOUNT}/{REGION}/")
    reference = _SEGMENTS | _QUOTED | _RAW
    return st.builds(lambda place, last: f"/v2/team/api/{place}{last}", st.sampled_from(places), reference)


def targets() -> st.SearchStrategy[str]:
    """Make paths with queries under `/v2/`; `UPLOAD` stands for the id of an upload that is under way."""
    wild = st.lists(_SEGMENTS | _QUOTED | _RAW, max_size=7).map(lambda parts: "/v2/" + "/".join(parts))
    pairs = st.builds("{}={}".format, _QUERY_NAMES | _QUOTED, _VALUES | _QUOTED | _RAW)
    return st.builds(
        lambda path, query: f"{path}?{'&'.join(query)}" if query else path,
        _places() | wild,
        st.lists(pairs, max_size=4),
    )


def headers() -> st.SearchStrategy[list[tuple[str, str]]]:
    """Make headers that mean something here, some with values that do not, and a few given twice."""
    known = st.sampled_from(sorted(_HEADERS)).flatmap(
        lambda name: st.tuples(st.just(name), _HEADERS[name] | st.text(_HEADER_CHARACTERS, max_size=20))
    )
    return st.lists(known, max_size=4)


def presigned_layers() -> st.SearchStrategy[str]:
    """Make unsigned addresses of layers."""
    path = st.lists(_SEGMENTS | _QUOTED | st.just(f"team/api@{DIGESTS[0]}"), max_size=4).map("/".join)
    pairs = st.builds("{}={}".format, st.sampled_from(("expires", "signature", "x")), _VALUES | _QUOTED)
    return st.builds(lambda path, query: f"/_layers/{path}?{'&'.join(query)}", path, st.lists(pairs, max_size=3))


def passwords() -> st.SearchStrategy[str]:
    """Make Authorization headers of the registry protocol, some with tokens that were never issued."""
    values: st.SearchStrategy[object] = st.sampled_from(
        (1, 10**30, 1e300, float("inf"), float("nan"), "²", None, [], {}, "\ud800", REGION, "x" * 4000)
    )
    members = st.dictionaries(st.sampled_from(("k", "r", "e", "x")), values, max_size=4)
    regional = members.map(lambda given: {"k": ACCOUNT, "r": REGION, "e": 1, **given})
    # Small enough that the head is not refused before the token is read, and that Hypothesis shows it.
    texts = (members | regional).map(json.dumps) | st.sampled_from(("[" * 15_000, "7", '{"e":1e999}', ""))
    tokens = texts.map(lambda text: base64.urlsafe_b64encode(text.encode()).decode())
    pairs = st.builds("{}:{}.{}.{}".format, st.sampled_from(("AWS", ACCOUNT, "\x00", "")), tokens, _TEXT, _TEXT)
    encoded = pairs.map(lambda pair: base64.b64encode(pair.encode(errors="replace")).decode())
    wild = st.text(_HEADER_CHARACTERS, max_size=20)
    return st.builds("{} {}".format, st.sampled_from(("Basic", "basic", "Bearer", "")), encoded | wild)


def claims() -> st.SearchStrategy[tuple[str, list[tuple[str, str]]]]:
    """Make a query string and headers that claim a signature, here and there wrongly, of keys that may exist."""
    keys = st.sampled_from((ACCOUNT, "AKIAIOSFODNN7EXAMPLE", "%00", "\xff", "")) | _QUOTED
    today = f"{datetime.now(UTC):%Y%m%d}"
    scopes = st.sampled_from((f"{today}/{REGION}/ecr/aws4_request", f"{today}/us-east-1/iam/aws4_request", "///", ""))
    credentials = st.builds("{}/{}".format, keys, scopes)
    stamps = st.sampled_from((f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}", "00010101T000000Z", "99991231T235959Z", "²"))
    names = st.sampled_from(("host", "host;x-amz-date", "host;host", ";", "", "x-amz-date;host;\xff"))
    signatures = st.sampled_from(("0" * 64, "", "\xff", "²"))
    field = {
        "Algorithm": st.sampled_from(("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256")),
        "Credential": credentials,
        "Date": stamps,
        "Expires": st.sampled_from(_NUMBERS),
        "SignedHeaders": names,
        "Signature": signatures,
        "Security-Token": _QUOTED,
        "Content-Sha256": st.sampled_from(("UNSIGNED-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "")),
    }
    pairs = st.fixed_dictionaries({}, optional=field).map(
        lambda given: "&".join(f"X-Amz-{name}={value}" for name, value in given.items())
    )
    authorization = st.builds(
        "AWS4-HMAC-SHA256 Credential={}, SignedHeaders={}, Signature={}".format, credentials, names, signatures
    )
    lines = st.fixed_dictionaries(
        {"host": st.just(HOST)},
        optional={
            "authorization": authorization | st.text(_HEADER_CHARACTERS, max_size=20),
            "x-amz-date": stamps,
            "x-amz-security-token": st.text(_HEADER_CHARACTERS, max_size=20),
            "x-amz-content-sha256": field["Content-Sha256"],
            "x-amz-target": st.sampled_from(("AmazonEC2ContainerRegistry_V20150921.UploadLayerPart", "x.", ".")),
            "content-length": st.sampled_from(_NUMBERS),
        },
    ).map(lambda given: list(given.items()))
    return st.tuples(pairs | st.just(""), lines)


def _hostile_scalars(shape: Shape) -> st.SearchStrategy[Any]:
    names = (
        "team/api",
        "latest",
        DIGESTS[0],
        "",
        "\x00",
        "a" * 300,
        "*",
        "arn:aws:iam::111122223333:role/r",
        "{}",
        "[",
    )
    match shape.kind:
        case Kind.STRING:
            return st.sampled_from(shape.enum or names) | st.sampled_from(names) | _TEXT
        case Kind.BLOB:
            return st.sampled_from(("Ynl0ZXM=", "=", "*", "", "é"))
        case Kind.BOOLEAN:
            return st.booleans()
        case Kind.TIMESTAMP:
            return st.sampled_from(
                (0, -1e300, 1e300, 253402300800, "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59")
            )
        case _:
            return st.sampled_from((0, 1, -1, 4, (1 << 31) - 1, 1 << 31, (1 << 63) - 1, 1 << 63, 10**30, 0.5))


def inputs(shape: Shape) -> st.SearchStrategy[Any]:
    """Make values nearly of a shape: what is required is mostly there, and now and then a value is of another type."""
    match shape.kind:
        case Kind.STRUCTURE:
            members = {name: inputs(member) for name, member in shape.members.items()}
            required = {name: made for name, made in members.items() if name in shape.required}
            more = {name: made for name, made in members.items() if name not in shape.required}
            value: st.SearchStrategy[Any] = st.fixed_dictionaries(required, optional={**more, "unknown": st.none()})
        case Kind.LIST:
            value = st.lists(inputs(shape.members["member"]), max_size=3)
        case Kind.MAP:
            value = st.dictionaries(_TEXT, inputs(shape.members["value"]), max_size=2)
        case _:
            value = _hostile_scalars(shape)
    strange: st.SearchStrategy[Any] = st.sampled_from((None, True, 0, "", [], {}, [[[]]]))
    return st.integers(0, 15).flatmap(lambda dice: strange if dice == 0 else value)


def form(value: Any, name: str = "") -> list[tuple[str, str]]:  # noqa: ANN401 — whatever `inputs` makes
    """Write a value as the parameters of the Query protocol."""
    prefix = f"{name}." if name else ""
    match value:
        case dict():
            return [pair for key, it in value.items() for pair in form(it, f"{prefix}{key}")]
        case list():
            members = [pair for at, it in enumerate(value, 1) for pair in form(it, f"{prefix}member.{at}")]
            return members or [(name, "")]
        case bool():
            return [(name, str(value).lower())]
        case _:
            return [(name, "" if value is None else str(value))]
