"""What a status means: which finding comes first, and the exit code that scripts see."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twinport.status.own_server import Readiness
from twinport.status.report import LONGEST_WAIT, Disk, Finding, ProcessFacts, RegionFacts, Standing, Status

READY = Readiness("http://127.0.0.1:4566", answers=True, is_ready=True)
AWAY = Readiness("http://127.0.0.1:4566", answers=False, is_ready=False, reason="connection refused")
UNREADY = Readiness("http://127.0.0.1:4566", answers=True, is_ready=False, reason="database away")
REGION = RegionFacts("eu-west-1", waiting=0, oldest_seconds=None, failed=0, damaged=0, is_partial=False)
WELL = Status(
    version="1",
    server=READY,
    data="/data",
    database="sqlite",
    database_answers=True,
    accounts="closed",
    has_server_told=True,
    disk=Disk(50 << 30, 100 << 30),
    processes=[ProcessFacts("server", 7, is_alive=True)],
    regions=[REGION],
    refusals=[],
)
LATE = replace(REGION, waiting=3, oldest_seconds=LONGEST_WAIT.total_seconds() + 1)


def test_a_deployment_without_findings_is_well() -> None:
    assert (WELL.exit_code, WELL.values()["state"], WELL.lines()[-1]) == (0, "well", "all is well")


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (replace(WELL, server=AWAY), 4, "no server answers on http://127.0.0.1:4566: connection refused"),
        (replace(WELL, server=UNREADY), 4, "is not ready on http://127.0.0.1:4566: database away"),
        (replace(WELL, regions=[replace(REGION, damaged=2)]), 5, "eu-west-1: 2 damaged blobs in quarantine"),
        (replace(WELL, regions=[replace(REGION, failed=1)]), 5, "eu-west-1: 1 copy failed for good"),
        (
            replace(WELL, regions=[replace(REGION, failed=4, is_partial=True)]),
            5,
            "at least 4 copies failed for good: 'twinport replication list' says why",
        ),
        (replace(WELL, disk=Disk(100 << 20, 100 << 30)), 5, "the disk is nearly full: 0.1 GiB are free"),
        (replace(WELL, refusals=[Finding(Standing.NEEDS_A_PERSON, "lost")]), 5, "needs a person: lost"),
        (replace(WELL, regions=[LATE]), 6, "eu-west-1: 3 copies wait, the oldest for 0:15:01"),
    ],
)
def test_each_finding_has_its_code_and_its_sentence(status: Status, code: int, words: str) -> None:
    assert status.exit_code == code
    assert words in "\n".join(status.lines())


def test_copies_that_wait_for_a_short_time_are_not_behind() -> None:
    assert replace(WELL, regions=[replace(LATE, oldest_seconds=60.0)]).exit_code == 0


def test_a_small_disk_is_not_nearly_full_while_a_part_of_it_is_free() -> None:
    assert replace(WELL, disk=Disk(500 << 20, 1 << 30)).exit_code == 0


@given(st.lists(st.sampled_from(Standing)))
def test_the_most_urgent_finding_is_the_exit_code(standings: list[Standing]) -> None:
    status = replace(WELL, refusals=[Finding(each, "x") for each in standings])
    assert status.exit_code == min((each.value for each in standings), default=0)
    assert len(status.findings) == len(standings)


def test_values_are_json_with_every_finding() -> None:
    values = json.loads(json.dumps(replace(WELL, server=AWAY, regions=[LATE]).values()))
    assert [each["standing"] for each in values["findings"]] == ["unready", "behind"]
    assert values["regions"][0]["waiting"] == 3
