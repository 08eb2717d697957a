"""A tour that is taken again changes nothing that another user configured."""

from twinport.aws.types.ecr import ReplicationRule
from twinport.tour import itinerary
from twinport.tour.itinerary import Policy


def test_the_rules_that_are_there_stay() -> None:
    theirs: ReplicationRule = {"destinations": [{"region": "eu-north-1", "registryId": "333333333333"}]}
    assert itinerary.with_rule([theirs]) == [theirs, itinerary.rule()]


def test_the_rule_is_added_once() -> None:
    once = itinerary.with_rule([])
    assert itinerary.with_rule(once) == once


def test_the_statements_that_are_there_stay() -> None:
    theirs: Policy = {"Version": "2012-10-17", "Statement": {"Sid": "Theirs", "Effect": "Deny"}}
    statements = itinerary.with_statement(theirs)["Statement"]
    assert [each["Sid"] for each in statements if isinstance(each, dict)] == ["Theirs", itinerary.STATEMENT_ID]


def test_the_statement_is_added_once() -> None:
    once = itinerary.with_statement(None)
    assert itinerary.with_statement(once) == once


def test_a_tour_is_numbered_after_the_last_one() -> None:
    assert [itinerary.next_tag(tags) for tags in ([], ["1"], ["9", "10", "latest"])] == ["1", "2", "11"]
