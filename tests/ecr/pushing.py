"""Pushing small images by boto3, and by the door in this process."""

import hashlib
import json
from base64 import b64encode
from typing import Any

from tests.ecr.conftest import Ecr

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
EMPTY = "application/vnd.oci.empty.v1+json"


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def push_layer(ecr: Any, repository: str, content: bytes) -> str:  # noqa: ANN401 — boto3 makes its clients at run time
    upload = ecr.initiate_layer_upload(repositoryName=repository)["uploadId"]
    where = {"repositoryName": repository, "uploadId": upload}
    ecr.upload_layer_part(**where, partFirstByte=0, partLastByte=len(content) - 1, layerPartBlob=content)
    return str(ecr.complete_layer_upload(**where, layerDigests=[digest_of(content)])["layerDigest"])


def manifest(config: bytes, **members: object) -> str:
    """Return an OCI manifest whose config is these bytes, which are to be pushed as a layer."""
    described = {"mediaType": EMPTY, "digest": digest_of(config), "size": len(config)}
    return json.dumps({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": described, "layers": [], **members})


def index(*children: str) -> str:
    entries = [{"mediaType": OCI_MANIFEST, "digest": digest_of(each.encode()), "size": len(each)} for each in children]
    return json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries})


def push(ecr: Any, repository: str, text: str, tag: str | None = None) -> str:  # noqa: ANN401 — as above
    """Push a manifest whose parts are there, and return its digest."""
    named = {} if tag is None else {"imageTag": tag}
    return str(ecr.put_image(repositoryName=repository, imageManifest=text, **named)["image"]["imageId"]["imageDigest"])


async def put_images(ecr: Ecr, repository: str, *tags: str, **more: object) -> list[str]:
    """Push an image that can be scanned for each tag, and return their digests."""
    config = b"config"
    named = {"repositoryName": repository}
    where = {**named, "uploadId": (await ecr.do("InitiateLayerUpload", **named))["uploadId"]}
    part = {"partFirstByte": 0, "partLastByte": len(config) - 1, "layerPartBlob": b64encode(config).decode()}
    await ecr.do("UploadLayerPart", **where, **part)
    # Another push may have brought the config.
    await ecr.ask("CompleteLayerUpload", **where, layerDigests=[digest_of(config)])
    digests = []
    for tag in tags:
        text = manifest(config, annotations={"tag": tag}, **more).replace(EMPTY, OCI_CONFIG)
        put = await ecr.do("PutImage", **named, imageManifest=text, imageTag=tag)
        digests.append(put["image"]["imageId"]["imageDigest"])
    return digests
