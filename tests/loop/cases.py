"""The largest requests that each route of each door takes. A route without any is a failure of the suite.

Operations of the AWS doors have theirs made from the model; some have more, which come further than validation.
"""

import json
import uuid
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import urlencode

from tests import doors
from tests.iam.test_gate import REQUEST
from tests.loop import largest, seeds
from tests.loop.deployment import Deployment
from tests.loop.seeds import ACCOUNT, IMAGES, REGION, REPOSITORY, SUBJECT
from tools import list_gate
from twinport.aws import shapes
from twinport.model.content import Digest

Verb = tuple[str, str]
# Asks once or several times; each request is built before it is sent.
Case = Callable[[Deployment], Iterable[bytes]]

LARGE_FORM = 1 << 20
LARGE_JSON = {"UploadLayerPart": 30 << 20, "PutImage": 12 << 20}
_FIELDS = 9_000
_LAYER = bytes(20 << 20)
_BLOBS = f"/v2/{REPOSITORY}/blobs"
_IN_ECR: dict[str, Any] = {
    "repositoryName": REPOSITORY,
    "registryId": ACCOUNT,
    "repositoryNames": [f"many/repository-{number:04}" for number in range(100)],
    "imageIds": [{"imageTag": f"tag-{number:05}"} for number in range(100)],
    "imageManifest": seeds.large_manifest().decode(),
    "imageTag": "large",
    "imageDigest": None,
    "imageManifestMediaType": None,
    "nextToken": None,
    "maxResults": None,
    "layerDigests": [str(Digest.of(str(number).encode(), "sha256")) for number in range(100)],
    "layerPartBlob": b64encode(_LAYER).decode(),
    "partFirstByte": 0,
    "partLastByte": len(_LAYER) - 1,
    "filter": None,
}
_POLICY = seeds.document(120_000)
_IN_IAM: dict[str, Any] = {
    **REQUEST,
    **dict.fromkeys(("PolicyDocument", "AssumeRolePolicyDocument", "ResourcePolicy"), _POLICY),
    "PolicyInputList": [seeds.document(60_000)] * 6,
    "ActionNames": [f"ecr:Action{number}" for number in range(500)],
    "ResourceArns": [f"arn:aws:ecr:eu-west-1:1:repository/{number}" for number in range(100)],
    "Tags": [{"Key": f"key-{number}", "Value": "v" * 256} for number in range(50)],
    "TagKeys": [f"key-{number}" for number in range(50)],
    "MaxItems": 1000,
    "RoleName": "one-0000",
    "UserName": "one-0000",
    "PolicyArn": f"arn:aws:iam::{ACCOUNT}:policy/one-0000",
    "PolicySourceArn": f"arn:aws:iam::{ACCOUNT}:user/one-0000",
}
_IN_STS: dict[str, Any] = {
    "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/one-0000",
    "RoleSessionName": "session",
    "Name": "name",
    "DurationSeconds": 900,
}
_LEFT_OUT = ("Marker", "PathPrefix", "nextToken")


def verbs() -> list[Verb]:
    """Return every verb of every door, as the product is put together now."""
    return sorted({verb for group in list_gate.verbs(doors.built()).values() for verb in group})


def of(verb: Verb) -> Case | None:
    door, name = verb
    if verb in _CASES:
        return _CASES[verb]
    if door.lower() in ("ecr", "iam", "sts"):
        return _of_operation(door.lower(), name)
    if door == "Console":
        return _of_page(name)
    return None


# --- the AWS doors ----------------------------------------------------------------------------------------


def _of_operation(service: str, name: str) -> Case:
    """Ask what is valid and large, the same with as much again as a body may hold, and the fullest of the model."""

    def case(deployment: Deployment) -> Iterable[bytes]:
        signer, operation = deployment.signer, shapes.load(service).operations[name]
        given = {"ecr": _IN_ECR, "iam": _IN_IAM, "sts": _IN_STS}[service]
        if name.startswith("Delete"):
            # What others are asked about stays.
            given = {key: _another(value) for key, value in given.items()}
        members = {key: given[key] for key in operation.input.members if given.get(key) is not None}
        left_out = dict.fromkeys(_LEFT_OUT)
        fullest = largest.input_of(operation, {**given, **left_out})
        if service == "ecr":
            yield signer.ecr(name, members)
            yield signer.ecr_text(name, _padded(fullest, LARGE_JSON.get(name, 1 << 20)))
        else:
            yield signer.query(service, name, dict(largest.flattened(members)))
            yield signer.query(service, name, _filled(_fitting(largest.flattened(fullest))))

    return case


def _another(value: Any) -> Any:  # noqa: ANN401 — as in the model
    return (
        {REPOSITORY: "many/repository-1199", "one-0000": "one-0001"}.get(value, value)
        if isinstance(value, str)
        else value
    )


def _padded(members: Mapping[str, Any], limit: int) -> bytes:
    """Add what the model does not name until the body is as large as it may be: as many values as may be."""
    text = json.dumps(members).encode()
    left = max(0, limit - len(text) - 1024)
    number = min(left // 7, 900_000)
    each = b'"%s",' % (b"x" * (left // max(1, number) - 3))
    return text[:-1] + b', "unknown": [' + each * number + b"0]}"


def _fitting(parameters: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Take as many parameters as a body may hold."""
    found: dict[str, str] = {}
    size = 0
    for name, value in parameters:
        size += len(name) + len(value) + 2
        if size > LARGE_FORM * 0.9 or len(found) == _FIELDS:
            break
        found[name] = value
    return found


def _filled(parameters: Mapping[str, str]) -> dict[str, str]:
    """Add parameters until there are as many as may be, or the body is as large as it may be."""
    left = LARGE_FORM - len(urlencode(parameters)) - 1024
    number = min(_FIELDS - len(parameters), left // 20)
    each = max(0, left // number - 20) if number > 0 else 0
    return {**parameters, **{f"Unknown.{count}": "x" * each for count in range(number)}}


def _page_of_images(deployment: Deployment) -> Iterable[bytes]:
    for operation in ("DescribeImages", "ListImages"):
        yield deployment.signer.ecr(operation, {"repositoryName": REPOSITORY, "maxResults": 1000})


def _put_image(deployment: Deployment) -> Iterable[bytes]:
    yield from _of_operation("ecr", "PutImage")(deployment)
    for number in (1, 10_000):
        members = {"repositoryName": REPOSITORY, "imageTag": f"many-{number}"}
        yield deployment.signer.ecr("PutImage", {**members, "imageManifest": seeds.large_manifest(number).decode()})


def _get_images(deployment: Deployment) -> Iterable[bytes]:
    yield from _of_operation("ecr", "BatchGetImage")(deployment)
    large = {"imageDigest": str(Digest.of(seeds.large_manifest(), "sha256"))}
    yield deployment.signer.ecr("BatchGetImage", {"repositoryName": REPOSITORY, "imageIds": [large] * 20})


def _layer_part(deployment: Deployment) -> Iterable[bytes]:
    ecr = deployment.served.client("ecr", ACCOUNT, REGION)
    upload = ecr.initiate_layer_upload(repositoryName=REPOSITORY)["uploadId"]
    members = {key: _IN_ECR[key] for key in ("repositoryName", "layerPartBlob", "partFirstByte", "partLastByte")}
    yield deployment.signer.ecr("UploadLayerPart", {**members, "uploadId": upload})
    digests = [str(Digest.of(_LAYER, algorithm)) for algorithm in ("sha512",)]
    complete = {"repositoryName": REPOSITORY, "uploadId": upload, "layerDigests": digests}
    yield deployment.signer.ecr("CompleteLayerUpload", complete)


# --- the registry protocol --------------------------------------------------------------------------------


def _upload(deployment: Deployment) -> str:
    place = deployment.send(deployment.oci("POST", f"{_BLOBS}/uploads/")).headers["location"]
    return str(place).removeprefix(f"http://{deployment.host}")


def _start_upload(deployment: Deployment) -> Iterable[bytes]:
    digest = Digest.of(_LAYER, "sha256")
    yield deployment.oci("POST", f"{_BLOBS}/uploads/?digest={digest}", _LAYER)
    yield deployment.oci("POST", f"{_BLOBS}/uploads/?mount={digest}")


def _append(deployment: Deployment) -> Iterable[bytes]:
    yield deployment.oci("PATCH", _upload(deployment), bytes(64 << 20))


def _of_upload(method: str) -> Case:
    return lambda deployment: [deployment.oci(method, _upload(deployment))]


def _complete(deployment: Deployment) -> Iterable[bytes]:
    content = uuid.uuid4().bytes + _LAYER
    yield deployment.oci("PUT", f"{_upload(deployment)}?digest={Digest.of(content, 'sha256')}", content)


def _put_manifest(deployment: Deployment) -> Iterable[bytes]:
    for number in (1, 10_000, 60_000):
        content = seeds.large_manifest(number)
        yield deployment.oci("PUT", f"/v2/{REPOSITORY}/manifests/large-{number}", content)
    yield deployment.oci("PUT", f"/v2/{REPOSITORY}/manifests/index", seeds.large_index())
    yield deployment.oci("PUT", f"/v2/{REPOSITORY}/manifests/bad", b"[" * (4 << 20))


def _get_manifest(deployment: Deployment) -> Iterable[bytes]:
    digest = Digest.of(seeds.large_manifest(), "sha256")
    for method in ("GET", "HEAD"):
        yield deployment.oci(method, f"/v2/{REPOSITORY}/manifests/{digest}")


def _blob(deployment: Deployment) -> str:
    digest = Digest.of(_LAYER, "sha256")
    deployment.send(deployment.oci("POST", f"{_BLOBS}/uploads/?digest={digest}", _LAYER))
    return f"{_BLOBS}/{digest}"


def _get_blob(deployment: Deployment) -> Iterable[bytes]:
    place = _blob(deployment)
    for method in ("GET", "HEAD"):
        yield deployment.oci(method, place)
        yield deployment.oci(method, place, Range=f"bytes=1-{len(_LAYER) - 2}")


def _delete_blob(deployment: Deployment) -> Iterable[bytes]:
    yield deployment.oci("DELETE", _blob(deployment))


def _presigned(deployment: Deployment) -> Iterable[bytes]:
    digest = _blob(deployment).rpartition("/")[2]
    ecr = deployment.served.client("ecr", ACCOUNT, REGION)
    url = ecr.get_download_url_for_layer(repositoryName=REPOSITORY, layerDigest=digest)["downloadUrl"]
    place = url.removeprefix(f"http://{deployment.host}")
    yield deployment.plain("GET", place)
    yield deployment.plain("GET", place, Range="bytes=1-")


def _deliveries(deployment: Deployment) -> Iterable[bytes]:
    yield deployment.plain("GET", f"/_twinport/deliveries?account={ACCOUNT}&region={REGION}")


def _asked(door: str, *targets: str) -> Case:
    """Ask with the credentials of a door; a target is a method and a path."""

    def case(deployment: Deployment) -> Iterable[bytes]:
        for target in targets:
            method, path = target.split(" ")
            yield {"OCI": deployment.oci, "": deployment.plain}[door](method, path)

    return case


# --- the console ------------------------------------------------------------------------------------------


def _of_page(name: str) -> Case:
    """Ask for a page with long fields in its address, or send a form that is as large as one may be."""

    def case(deployment: Deployment) -> Iterable[bytes]:
        method, pattern = name.split(" ")
        path = pattern.replace("REGION", REGION).replace("NAME", "one-0000")
        fields = {"repository": REPOSITORY, "policy": _POLICY[:10_000], "text": _POLICY[:10_000], "name": "a" * 2_000}
        if method == "GET":
            yield deployment.page(path)
            yield deployment.page(f"{path}?repository={REPOSITORY}")
            yield deployment.page(f"{path}?after={'a' * 30_000}&filter={'b' * 20_000}")
            return
        yield deployment.form(path, fields)
        yield deployment.form(path, {**fields, "description": "d" * 200_000})
        yield deployment.form(path, {**fields, **{f"f{number}": "x" for number in range(20_000)}})

    return case


def _manifest_of(number: int) -> str:
    return str(Digest.of(seeds.image(number), "sha256"))


_CASES: dict[Verb, Case] = {
    ("ECR", "BatchGetImage"): _get_images,
    ("ECR", "DescribeImages"): _page_of_images,
    ("ECR", "ListImages"): _page_of_images,
    ("ECR", "PutImage"): _put_image,
    ("ECR", "UploadLayerPart"): _layer_part,
    ("OCI", "GET /"): _asked("", "GET /"),
    ("OCI", "GET, HEAD /v2/"): _asked("OCI", "GET /v2/"),
    ("OCI", "any method and path, with an access key (`basic_access_keys`)"): _asked("OCI", f"GET /v2/{'a' * 30_000}"),
    ("OCI", "GET, HEAD /v2/_catalog"): _asked("OCI", "GET /v2/_catalog?n=1000", "HEAD /v2/_catalog?n=1000"),
    ("OCI", "GET, HEAD /v2/NAME/tags/list"): _asked(
        "OCI", f"GET /v2/{REPOSITORY}/tags/list?n=1000", f"GET /v2/{REPOSITORY}/tags/list?n=999999999"
    ),
    ("OCI", "GET, HEAD /v2/NAME/referrers/DIGEST"): _asked("OCI", f"GET /v2/{REPOSITORY}/referrers/{SUBJECT}"),
    ("OCI", "PUT /v2/NAME/manifests/REFERENCE"): _put_manifest,
    ("OCI", "GET /v2/NAME/manifests/REFERENCE"): _get_manifest,
    ("OCI", "HEAD /v2/NAME/manifests/REFERENCE"): _get_manifest,
    ("OCI", "DELETE /v2/NAME/manifests/REFERENCE"): _asked(
        "OCI", f"DELETE /v2/{REPOSITORY}/manifests/{_manifest_of(IMAGES - 1)}"
    ),
    ("OCI", "GET /v2/NAME/blobs/DIGEST"): _get_blob,
    ("OCI", "HEAD /v2/NAME/blobs/DIGEST"): _get_blob,
    ("OCI", "DELETE /v2/NAME/blobs/DIGEST"): _delete_blob,
    ("OCI", "POST /v2/NAME/blobs/uploads/"): _start_upload,
    ("OCI", "PATCH /v2/NAME/blobs/uploads/ID"): _append,
    ("OCI", "GET /v2/NAME/blobs/uploads/ID"): _of_upload("GET"),
    ("OCI", "DELETE /v2/NAME/blobs/uploads/ID"): _of_upload("DELETE"),
    ("OCI", "PUT /v2/NAME/blobs/uploads/ID"): _complete,
    ("OCI", "GET, HEAD /_layers/…"): _presigned,
    ("Control", "GET /_twinport/deliveries"): _deliveries,
    ("Control", "POST /_twinport/reset"): _asked("", "POST /_twinport/reset"),
    ("Control", "GET, HEAD, OPTIONS /_twinport/health"): _asked(
        "", "GET /_twinport/health", "HEAD /_twinport/health", "OPTIONS /_twinport/health"
    ),
    ("Control", "GET, HEAD, OPTIONS /_twinport/health/live"): _asked("", "GET /_twinport/health/live"),
    ("Control", "GET, HEAD, OPTIONS /_twinport/health/ready"): _asked("", "GET /_twinport/health/ready"),
    ("Control", "GET, HEAD /_twinport/metrics"): _asked("", "GET /_twinport/metrics", "HEAD /_twinport/metrics"),
}
