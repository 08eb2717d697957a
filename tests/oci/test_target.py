"""What a caller calls a repository."""

import pytest

from tests.fakes import ACCOUNT, REGION, REGISTRY
from twinport.model.names import RepositoryName
from twinport.oci.target import Target

PLAIN = Target(REGISTRY.repository(RepositoryName("team/api")), "/v2/team/api")
SPELLED_OUT = Target(REGISTRY.repository(RepositoryName("team/api")), f"/v2/{ACCOUNT}/{REGION}/team/api")


def test_a_sibling_is_written_in_the_callers_form() -> None:
    assert PLAIN.sibling("team/web") == "team/web"
    assert SPELLED_OUT.sibling(f"{ACCOUNT}/{REGION}/team/web") == "team/web"


@pytest.mark.parametrize("text", ["team/web", f"999999999999/{REGION}/team/web", f"{ACCOUNT}/us-east-1/team/web"])
def test_what_may_be_of_another_registry_is_no_sibling(text: str) -> None:
    assert SPELLED_OUT.sibling(text) is None


@pytest.mark.parametrize("text", ["", "../web", "Team/Web", "a", "team/../web"])
def test_what_is_no_name_is_no_sibling(text: str) -> None:
    assert PLAIN.sibling(text) is None
