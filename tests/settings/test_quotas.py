"""The quotas that an operator sets hold at both doors."""

from pathlib import Path

import pytest

from tests.ecr.pushing import manifest, push, push_layer
from tests.served import new_account, start

pytestmark = pytest.mark.large
CONFIG = b"{}"


def test_an_account_has_as_many_repositories_and_images_as_the_operator_allows(tmp_path: Path) -> None:
    served = start(tmp_path / "data", TWINPORT_REPOSITORY_QUOTA="1", TWINPORT_IMAGE_QUOTA="2")
    try:
        ecr = served.client("ecr", new_account())
        ecr.create_repository(repositoryName="team/api")
        with pytest.raises(ecr.exceptions.LimitExceededException, match="number of repositories which is '1'"):
            ecr.create_repository(repositoryName="team/web")
        push_layer(ecr, "team/api", CONFIG)
        for number in (1, 2):
            push(ecr, "team/api", manifest(CONFIG, annotations={"number": str(number)}))
        with pytest.raises(ecr.exceptions.LimitExceededException, match="which is '2'"):
            push(ecr, "team/api", manifest(CONFIG, annotations={"number": "3"}))
        # What is there may be tagged, and makes room when it goes.
        push(ecr, "team/api", manifest(CONFIG, annotations={"number": "1"}), "first")
        ecr.batch_delete_image(repositoryName="team/api", imageIds=[{"imageTag": "first"}])
        push(ecr, "team/api", manifest(CONFIG, annotations={"number": "3"}))
        # Another account has quotas of its own.
        served.client("ecr", new_account()).create_repository(repositoryName="team/api")
    finally:
        served.stop()
