"""Pushing small images by the API, for pages to show, and holding their copies back for as long as a test needs."""

import json
import sqlite3
import urllib.request
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing

from tests.journeys.images import index, small
from tests.served import Served
from tests.waiting import PATIENCE_SECONDS
from twinport.tour.image import Blob


def push(
    server: Served,
    account: str,
    repository: str,
    tag: str,
    region: str = "eu-west-1",
    keys: tuple[str, str, str | None] | None = None,
) -> str:
    """Push an image of two layers into a repository that is there, and return its digest."""
    ecr = server.client("ecr", account, region, keys)
    image = small(tag)
    for blob in image.blobs:
        _upload(ecr, repository, blob)
    return _put(ecr, repository, image.manifest, tag)


def push_index(server: Served, account: str, repository: str, tag: str, *parts: str, region: str = "eu-west-1") -> str:
    """Push an index of images that were pushed under these tags, and return its digest."""
    return _put(server.client("ecr", account, region), repository, index(*map(small, parts)), tag)


def push_referrer(server: Served, account: str, repository: str, subject: str, region: str = "eu-west-1") -> str:
    """Push an attestation of an image that was pushed under the tag `subject`, and return its digest."""
    ecr, image = server.client("ecr", account, region), small(subject)
    descriptor = image.manifest.descriptor
    document = json.loads(image.manifest.content) | {
        "subject": descriptor,
        "artifactType": "application/vnd.example+json",
    }
    return _put(ecr, repository, Blob(image.manifest.media_type, json.dumps(document).encode()))


def push_again(server: Served, account: str, repository: str, tag: str, region: str = "eu-west-1") -> None:
    """Send the manifest of such an image once more, as docker does."""
    token = server.client("ecr", account, region).get_authorization_token()["authorizationData"][0][
        "authorizationToken"
    ]
    manifest = small(tag).manifest
    headers = {"Authorization": f"Basic {token}", "Content-Type": manifest.media_type}
    address = f"{server.url}/v2/{account}/{region}/{repository}/manifests/{tag}"
    request = urllib.request.Request(address, manifest.content, headers, method="PUT")
    with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:
        assert answer.status == 201


def hold_back(server: Served, region: str, *, held: bool) -> None:
    """Pause every lane of a Region, or open them: there is no operation for it yet."""
    path = server.data / "regions" / region / "catalog.db"
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE lane SET paused = ?", (held,))


def find(server: Served, region: str, digest: str, findings: Sequence[Mapping[str, object]]) -> None:
    """Give a basic scan of an image that ended a result: this server has no documents."""
    path = server.data / "regions" / region / "catalog.db"
    counts = Counter(str(each["severity"]) for each in findings)
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(
            "UPDATE scan SET state = 'COMPLETE', completed_at = requested_at, counts = ? WHERE digest = ?",
            (json.dumps(counts), digest),
        )
        database.execute(
            "INSERT INTO scan_findings SELECT repository_id, digest, scan_type, 0, ? FROM scan WHERE digest = ?",
            (json.dumps(findings), digest),
        )


def _put(ecr: object, repository: str, manifest: Blob, tag: str | None = None) -> str:
    named = {"imageTag": tag} if tag else {}
    pushed = ecr.put_image(  # type: ignore[attr-defined]  # boto3
        repositoryName=repository,
        imageManifest=manifest.content.decode(),
        imageManifestMediaType=manifest.media_type,
        **named,
    )
    digest: str = pushed["image"]["imageId"]["imageDigest"]
    return digest


def _upload(ecr: object, repository: str, blob: Blob) -> None:
    upload = ecr.initiate_layer_upload(repositoryName=repository)["uploadId"]  # type: ignore[attr-defined]  # boto3
    place = {"repositoryName": repository, "uploadId": upload}
    ecr.upload_layer_part(  # type: ignore[attr-defined]  # boto3
        **place, partFirstByte=0, partLastByte=len(blob.content) - 1, layerPartBlob=blob.content
    )
    ecr.complete_layer_upload(**place, layerDigests=[blob.digest])  # type: ignore[attr-defined]  # boto3
