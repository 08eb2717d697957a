"""Principals whose pulls are not noted, by boto3."""

from typing import Any

import pytest

from tests.served import Served, new_account


@pytest.fixture
def ecr(server: Served, account: str) -> Any:  # noqa: ANN401 — boto3 makes its clients at run time
    return server.client("ecr", account)


def role(name: str) -> str:
    return f"arn:aws:iam::111122223333:role/{name}"


def listed(ecr: Any, **members: object) -> list[str]:  # noqa: ANN401 — as above
    return list(ecr.list_pull_time_update_exclusions(**members)["pullTimeUpdateExclusions"])


@pytest.mark.honors("RegisterPullTimeUpdateExclusion.principalArn", "DeregisterPullTimeUpdateExclusion.principalArn")
def test_a_principal_is_registered_listed_and_deregistered(ecr: Any) -> None:  # noqa: ANN401 — as above
    user = "arn:aws:iam::111122223333:user/ops/ann"
    assert listed(ecr) == []
    made = ecr.register_pull_time_update_exclusion(principalArn=role("scanner"))
    assert made["principalArn"] == role("scanner")
    assert made["createdAt"].tzinfo is not None
    ecr.register_pull_time_update_exclusion(principalArn=user)
    assert listed(ecr) == [role("scanner"), user]
    gone = ecr.deregister_pull_time_update_exclusion(principalArn=role("scanner"))
    assert gone["principalArn"] == role("scanner")
    assert listed(ecr) == [user]


@pytest.mark.honors(
    "RegisterPullTimeUpdateExclusion.ExclusionAlreadyExistsException",
    "DeregisterPullTimeUpdateExclusion.ExclusionNotFoundException",
)
def test_a_principal_is_registered_once_and_deregistered_only_if_it_is_there(ecr: Any) -> None:  # noqa: ANN401 — as above
    ecr.register_pull_time_update_exclusion(principalArn=role("a"))
    with pytest.raises(ecr.exceptions.ExclusionAlreadyExistsException, match=role("a")):
        ecr.register_pull_time_update_exclusion(principalArn=role("a"))
    with pytest.raises(ecr.exceptions.ExclusionNotFoundException, match=role("b")):
        ecr.deregister_pull_time_update_exclusion(principalArn=role("b"))
    assert listed(ecr) == [role("a")]


def test_exclusions_are_those_of_one_registry(server: Served, ecr: Any, account: str) -> None:  # noqa: ANN401 — as above
    ecr.register_pull_time_update_exclusion(principalArn=role("a"))
    assert listed(server.client("ecr", account, "us-east-1")) == listed(server.client("ecr", new_account())) == []


def test_pages_have_each_exclusion_once(ecr: Any) -> None:  # noqa: ANN401 — as above
    names = [role(f"r{number}") for number in range(5)]
    for name in reversed(names):
        ecr.register_pull_time_update_exclusion(principalArn=name)
    first = ecr.list_pull_time_update_exclusions(maxResults=3)
    rest = ecr.list_pull_time_update_exclusions(maxResults=3, nextToken=first["nextToken"])
    assert first["pullTimeUpdateExclusions"] + rest["pullTimeUpdateExclusions"] == names
    assert "nextToken" not in rest


@pytest.mark.parametrize(
    "wrong", ["scanner", "arn:aws:iam::111122223333:group/g", "arn:aws:sts::111122223333:assumed-role/r/s", role("a b")]
)
def test_what_is_neither_user_nor_role_is_refused(ecr: Any, wrong: str) -> None:  # noqa: ANN401 — as above
    with pytest.raises(ecr.exceptions.InvalidParameterException, match="principalArn"):
        ecr.register_pull_time_update_exclusion(principalArn=wrong)


@pytest.mark.honors("RegisterPullTimeUpdateExclusion.LimitExceededException")
def test_the_hundred_and_first_is_refused_and_changes_nothing(ecr: Any) -> None:  # noqa: ANN401 — as above
    for number in range(100):
        ecr.register_pull_time_update_exclusion(principalArn=role(f"r{number:03}"))
    with pytest.raises(ecr.exceptions.LimitExceededException, match="'100'"):
        ecr.register_pull_time_update_exclusion(principalArn=role("one-more"))
    assert len(listed(ecr, maxResults=1000)) == 100
