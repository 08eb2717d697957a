"""Operations of Amazon ECR over signed HTTP, beside moto's server."""

import hashlib
import json
from collections.abc import Mapping
from functools import partial
from typing import Any

import boto3

from benchmarks.figures import Found, Row
from benchmarks.fleet import MOTO, OURS
from benchmarks.generator import rate
from benchmarks.peers.running import Server
from benchmarks.peers.twinport import REGION
from benchmarks.works.work import Run, Sizes, Work

_REPOSITORY = "bench/ecr"
_OTHERS = [f"bench/ecr-{number}" for number in range(10)]
_CONFIG, _LAYER = b"{}", b"layer"
_TYPE = "application/vnd.oci.image.manifest.v1+json"
# The generator writes a new number for it.
_NEW_NUMBER = "%d"
_ONE = {"imageIds": [{"imageTag": "t1"}]}


def works(sizes: Sizes) -> list[Work]:
    """Return a work for each operation."""
    one = {"repositoryName": _REPOSITORY, **_ONE}
    page = {"repositoryName": _REPOSITORY, "maxResults": sizes.images}
    new = {"repositoryName": _OTHERS[0], "imageManifest": _manifest(_NEW_NUMBER), "imageTag": f"n{_NEW_NUMBER}"}
    return [
        _work("describe-repositories", "DescribeRepositories", "10 by name", {"repositoryNames": _OTHERS}),
        _work("describe-images", "DescribeImages", "one by tag", one),
        _work("describe-page", "DescribeImages", f"a page of {sizes.images}", page),
        _work("list-images", "ListImages", f"a page of {sizes.images}", page),
        _work("batch-get-image", "BatchGetImage", "one by tag", one),
        _work("put-image", "PutImage", "new", new),
    ]


def _work(name: str, operation: str, which: str, body: Mapping[str, object]) -> Work:
    ask = partial(_ask, operation, json.dumps(body))
    return Work(name, [Row(f"{operation}, {which}")], (OURS, MOTO), ask, _fill, is_counted=True)


def _ask(operation: str, body: str, run: Run, server: Server) -> list[Found]:
    options = {"operation": operation, "body": body, "region": REGION, "duration": run.sizes.duration}
    return [rate(run.generator.ask("sign", server, **options))]


def _fill(run: Run, server: Server) -> None:
    if not run.is_first(server, _REPOSITORY):
        return
    key, _, secret = server.key.partition(":")
    ecr = boto3.client(
        "ecr",
        region_name=REGION,
        endpoint_url=f"http://{server.address}",
        aws_access_key_id=key,
        aws_secret_access_key=secret,
    )
    for name in (_REPOSITORY, *_OTHERS):
        ecr.create_repository(repositoryName=name)
    if server.name == OURS:
        _push_layers(ecr)
    for number in range(run.sizes.images):
        ecr.put_image(repositoryName=_REPOSITORY, imageManifest=_manifest(str(number)), imageTag=f"t{number}")


def _push_layers(ecr: Any) -> None:  # noqa: ANN401 — boto3 makes its clients at run time
    """Bring what the images consist of, without which no image is taken; moto takes any."""
    for name in (_REPOSITORY, _OTHERS[0]):
        for content in (_CONFIG, _LAYER):
            upload = ecr.initiate_layer_upload(repositoryName=name)["uploadId"]
            part = {"partFirstByte": 0, "partLastByte": len(content) - 1, "layerPartBlob": content}
            ecr.upload_layer_part(repositoryName=name, uploadId=upload, **part)
            ecr.complete_layer_upload(repositoryName=name, uploadId=upload, layerDigests=[_digest(content)])


def _manifest(word: str) -> str:
    config, layer = (
        {"mediaType": f"application/vnd.oci.image.{kind}", "digest": _digest(content), "size": len(content)}
        for kind, content in (("config.v1+json", _CONFIG), ("layer.v1.tar+gzip", _LAYER))
    )
    document = {"schemaVersion": 2, "mediaType": _TYPE, "config": config, "layers": [layer]}
    return json.dumps({**document, "annotations": {"n": word}})


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
