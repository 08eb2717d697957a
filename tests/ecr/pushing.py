"""Pushing small images by boto3."""

import hashlib
import json
from typing import Any

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
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
