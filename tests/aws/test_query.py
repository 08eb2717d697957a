"""Query parameters and XML answers, with botocore as the other side."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode
from xml.etree import ElementTree as ET

import pytest
from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel
from botocore.parsers import QueryParser
from botocore.serialize import QuerySerializer
from hypothesis import given
from hypothesis import strategies as st

from tests.aws.strategies import members
from twinport.aws import query, shapes, xml
from twinport.aws.shapes import Kind, Operation, Service, Shape
from twinport.refusals.requests import BodyMalformed

IAM, STS = shapes.load("iam"), shapes.load("sts")
MODELS = {name: ServiceModel(Loader().load_service_model(name, "service-2")) for name in ("iam", "sts")}
OPERATIONS = [(service, it) for service in (IAM, STS) for it in service.operations.values()]
CREATE_ROLE = IAM.operations["CreateRole"]
GET_ROLE = IAM.operations["GetRole"]
SCALARS = Shape(
    "Scalars",
    Kind.STRUCTURE,
    {
        "When": Shape("When", Kind.TIMESTAMP),
        "Ratio": Shape("Ratio", Kind.DOUBLE),
        "Bytes": Shape("Bytes", Kind.BLOB),
        "Count": Shape("Count", Kind.INTEGER),
        "On": Shape("On", Kind.BOOLEAN),
        "Notes": Shape("Notes", Kind.MAP, {"key": Shape("K", Kind.STRING), "value": Shape("V", Kind.STRING)}),
    },
)


def model_of(service: Service, operation: Operation) -> OperationModel:
    return MODELS[service.name].operation_model(operation.name)


def read(encoded: str, shape: Shape) -> dict[str, Any]:
    return query.parse(query.parameters([encoded]), shape)


@given(st.data())
def test_what_botocore_sends_is_what_is_read(data: st.DataObject) -> None:
    service, operation = data.draw(st.sampled_from(OPERATIONS))
    sent = data.draw(members(operation.input))
    body = QuerySerializer().serialize_to_request(sent, model_of(service, operation))["body"]
    given_parameters = query.parameters([urlencode(body)])
    assert given_parameters.pop("Action") == operation.name
    assert given_parameters.pop("Version") == service.api_version
    assert query.parse(given_parameters, operation.input) == sent


@given(st.data())
def test_what_is_written_is_what_botocore_reads(data: st.DataObject) -> None:
    service, operation = data.draw(st.sampled_from([it for it in OPERATIONS if it[1].output is not None]))
    output = data.draw(members(operation.output or shapes.EMPTY))
    body = xml.serialize(service, operation, output, "request-1")
    answer = {"status_code": 200, "headers": {}, "body": body}
    parsed = QueryParser().parse(answer, model_of(service, operation).output_shape)
    assert parsed.pop("ResponseMetadata")["RequestId"] == "request-1"
    assert parsed == output


def test_the_query_string_and_the_body_are_one_set_of_parameters() -> None:
    assert query.parameters(["Action=GetRole", "RoleName=a"]) == {"Action": "GetRole", "RoleName": "a"}


@pytest.mark.parametrize("encoded", [["a=1&a=2"], ["a=1", "a=1"]])
def test_a_parameter_given_twice_is_refused(encoded: list[str]) -> None:
    with pytest.raises(BodyMalformed, match="more than once"):
        query.parameters(encoded)


@pytest.mark.parametrize("encoded", ["a", "a=%ff", "&", "a=1&&b=2", "a=1&b", "&".join(["a=1"] * 10_001)])
def test_text_that_is_not_form_encoded_is_refused(encoded: str) -> None:
    with pytest.raises(BodyMalformed):
        query.parameters([encoded])


def test_positions_may_have_gaps_and_decide_the_order() -> None:
    encoded = "Tags.member.10.Key=c&Tags.member.2.Key=b&Tags.member.1.Key=a"
    assert read(encoded, CREATE_ROLE.input) == {"Tags": [{"Key": "a"}, {"Key": "b"}, {"Key": "c"}]}


def test_a_list_without_members_is_a_name_without_a_value() -> None:
    assert read("Tags=", CREATE_ROLE.input) == {"Tags": []}


def test_an_empty_value_is_an_empty_string() -> None:
    assert read("Description=", CREATE_ROLE.input) == {"Description": ""}


def test_an_unknown_parameter_stays_for_validation_to_refuse() -> None:
    given_parameters = read("Color.of.it=red&Tags.member.1.Size=3", CREATE_ROLE.input)
    assert given_parameters == {"Color": {"of": {"it": "red"}}, "Tags": [{"Size": "3"}]}


def test_the_scalars_no_implemented_input_has_are_read_too() -> None:
    encoded = (
        "When=2026-01-02T03:04:05Z&Ratio=1.5&Bytes=aGk%3D&Count=-7&On=false&Notes.entry.1.key=a&Notes.entry.1.value=b"
    )
    assert read(encoded, SCALARS) == {
        "When": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        "Ratio": 1.5,
        "Bytes": b"hi",
        "Count": -7,
        "On": False,
        "Notes": {"a": "b"},
    }


@pytest.mark.parametrize(
    "encoded",
    [
        "RoleName.x=a",
        "RoleName.member.1=a",
        "Tags=a",
        "Tags.1.Key=a",
        "Tags.member=a",
        "Tags.member.1=a",
        "Tags.member.0.Key=a",
        "Tags.member.01.Key=a",
        "Tags.member.-1.Key=a",
        "Tags.member.x.Key=a",
        f"Tags.member.{'9' * 5000}.Key=a",
        "Tags.entry.1.Key=a",
        "Tags.member.1.Key=a&Tags=",
        "Tags=&Tags.member.1.Key=a",
        "MaxSessionDuration=abc",
        "MaxSessionDuration=",
        "MaxSessionDuration=1e3",
        "MaxSessionDuration=99999999999",
        "MaxSessionDuration=%EF%BC%91",
        "MaxSessionDuration=" + "9" * 5000,
    ],
)
def test_a_value_of_another_form_is_refused(encoded: str) -> None:
    with pytest.raises(BodyMalformed):
        read(encoded, CREATE_ROLE.input)


@pytest.mark.parametrize(
    "encoded",
    [
        "On=True",
        "On=1",
        "When=yesterday",
        "Bytes=a",
        "Ratio=nan",
        "Notes=a",
        "Notes.entry.1.key=a",
        "Notes.entry.1=a",
        "Notes.entry.1.key=a&Notes.entry.1.value=b&Notes.entry.1.other=c",
        "Notes.entry.1.key=a&Notes.entry.1.value=b&Notes.entry.2.key=a&Notes.entry.2.value=c",
    ],
)
def test_a_scalar_of_another_form_is_refused(encoded: str) -> None:
    with pytest.raises(BodyMalformed):
        read(encoded, SCALARS)


@given(st.text("Tagsmember.123Key=&%", max_size=60) | st.text())
def test_random_text_is_read_or_refused(encoded: str) -> None:
    try:
        read(encoded, CREATE_ROLE.input)
    except BodyMalformed:
        return


def test_an_answer_is_wrapped_as_aws_wraps_it() -> None:
    output = {"Role": {"RoleName": "a", "CreateDate": datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)}}
    assert xml.serialize(IAM, GET_ROLE, output, "r-1").decode() == (
        '<GetRoleResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><GetRoleResult><Role>'
        "<RoleName>a</RoleName><CreateDate>2026-01-02T03:04:05Z</CreateDate></Role></GetRoleResult>"
        "<ResponseMetadata><RequestId>r-1</RequestId></ResponseMetadata></GetRoleResponse>"
    )


def test_an_operation_without_output_has_no_result() -> None:
    assert b"Result>" not in xml.serialize(IAM, IAM.operations["DeleteRole"], {}, "r-1")


def test_an_empty_structure_is_an_empty_element() -> None:
    assert b"<Role><RoleLastUsed/></Role>" in xml.serialize(IAM, GET_ROLE, {"Role": {"RoleLastUsed": {}}}, "r-1")


def test_an_empty_list_is_an_empty_element() -> None:
    assert b"<Role><Tags/></Role>" in xml.serialize(IAM, GET_ROLE, {"Role": {"Tags": []}}, "r-1")


def test_a_member_that_is_none_is_left_out() -> None:
    assert b"Description" not in xml.serialize(IAM, GET_ROLE, {"Role": {"Description": None}}, "r-1")


@given(st.text())
def test_any_text_makes_an_answer_that_parses(text: str) -> None:
    body = xml.serialize(IAM, GET_ROLE, {"Role": {"Description": text}}, "r-1")
    assert ET.fromstring(body) is not None  # noqa: S314 - we wrote it


def test_what_xml_cannot_hold_is_replaced_and_a_carriage_return_kept() -> None:
    root = ET.fromstring(xml.error(IAM, "X", 400, "a\x00b\ufffec\rd<&>\ud800", "r-1"))  # noqa: S314 - we wrote it
    (message,) = (it.text for it in root.iter() if it.tag.endswith("Message"))
    assert message == "a\ufffdb\ufffdc\rd<&>\ufffd"


@pytest.mark.parametrize(("status", "blame"), [(404, "Sender"), (500, "Receiver")])
def test_an_error_says_who_is_to_blame(status: int, blame: str) -> None:
    assert xml.error(STS, "Code", status, "text", "r-1").decode() == (
        '<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error>'
        f"<Type>{blame}</Type><Code>Code</Code><Message>text</Message></Error>"
        "<RequestId>r-1</RequestId></ErrorResponse>"
    )
