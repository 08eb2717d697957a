"""What is heavy runs beside the event loop: of several tries, one at least has no turn of five milliseconds."""

import base64
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.loop import seeds
from tests.loop.deployment import Deployment
from tests.loop.seeds import ACCOUNT, REGION, REPOSITORY
from twinport.model.content import Digest

# Shorter turns are not written down (tests/loop/turns.py). Python collects garbage in any turn: one try is too few.
TRIES = 6
_LARGE, _PART = 900_000, 20 << 20
_MANIFESTS = iter(range(20_000, 30_000))
_REGIONS = iter(("ap-south-1", "eu-west-2", "sa-east-1", "ca-central-1", "us-west-1", "eu-north-1"))

Work = Callable[[Deployment], bytes]


def signed_form(deployment: Deployment) -> bytes:
    return deployment.signer.query("iam", "ListUsers", {"Marker": "m" * _LARGE})


def signed_json(deployment: Deployment) -> bytes:
    return deployment.signer.ecr("PutRegistryPolicy", {"policyText": "p" * _LARGE})


def base64_of_a_part(deployment: Deployment) -> bytes:
    ecr = deployment.served.client("ecr", ACCOUNT, REGION)
    upload = ecr.initiate_layer_upload(repositoryName=REPOSITORY)["uploadId"]
    place = {"repositoryName": REPOSITORY, "uploadId": upload, "partFirstByte": 0, "partLastByte": _PART - 1}
    return deployment.signer.ecr("UploadLayerPart", {**place, "layerPartBlob": base64.b64encode(bytes(_PART)).decode()})


def hashing_a_manifest(deployment: Deployment) -> bytes:
    content = seeds.large_manifest(next(_MANIFESTS))
    headers = {"Content_Type": "application/vnd.oci.image.manifest.v1+json"}
    return deployment.oci("PUT", f"/v2/{REPOSITORY}/manifests/{Digest.of(content)}", content, **headers)


def hashing_a_blob(deployment: Deployment) -> bytes:
    content = bytes(64 << 20)
    return deployment.oci("POST", f"/v2/{REPOSITORY}/blobs/uploads/?digest={Digest.of(content)}", content)


def opening_a_region(deployment: Deployment) -> bytes:
    signer = replace(deployment.signer, region=next(_REGIONS))
    return signer.ecr("CreateRepository", {"repositoryName": "team/api"})


def a_history(deployment: Deployment) -> bytes:
    return deployment.plain("GET", f"/_twinport/deliveries?account={ACCOUNT}&region={REGION}&limit=1000")


WORK = (signed_form, signed_json, base64_of_a_part, hashing_a_manifest, hashing_a_blob, opening_a_region, a_history)


@pytest.mark.parametrize("work", WORK, ids=lambda work: work.__name__)
def test_no_turn_of_the_loop_takes_five_milliseconds(deployment: Deployment, work: Work) -> None:
    found = []
    for _ in range(TRIES):
        request = work(deployment)
        deployment.turns.longest()
        answer = deployment.send(request)
        assert answer.status < 500, answer
        found.append(deployment.longest_turn())
        if found[-1].seconds == 0:
            return
    pytest.fail("\n".join(str(turn) for turn in found))
