"""JSON 1.1 in both directions, with botocore as the other side."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel
from botocore.parsers import JSONParser
from botocore.serialize import JSONSerializer
from hypothesis import given
from hypothesis import strategies as st

from tests.aws.strategies import members
from twinport.aws import json11, shapes
from twinport.aws.shapes import Kind, Operation, Shape
from twinport.refusals.requests import BodyMalformed

ECR = shapes.load("ecr")
CREATE = ECR.operations["CreateRepository"].input
PART = ECR.operations["UploadLayerPart"].input
MODEL = ServiceModel(Loader().load_service_model("ecr", "service-2"))
SCALARS = Shape(
    "Scalars",
    Kind.STRUCTURE,
    {
        "when": Shape("When", Kind.TIMESTAMP),
        "ratio": Shape("Ratio", Kind.DOUBLE),
        "count": Shape("Count", Kind.INTEGER),
        "on": Shape("On", Kind.BOOLEAN),
        "notes": Shape("Notes", Kind.MAP, {"key": Shape("K", Kind.STRING), "value": Shape("V", Kind.STRING)}),
    },
)


def model_of(operation: Operation) -> OperationModel:
    return MODEL.operation_model(operation.name)


@given(st.data())
def test_what_botocore_sends_is_what_is_read(data: st.DataObject) -> None:
    operation = data.draw(st.sampled_from(list(ECR.operations.values())))
    sent = data.draw(members(operation.input))
    body = JSONSerializer().serialize_to_request(sent, model_of(operation))["body"]
    assert json11.parse(body, operation.input) == sent


@given(st.data())
def test_what_is_written_is_what_botocore_reads(data: st.DataObject) -> None:
    operation = data.draw(st.sampled_from(list(ECR.operations.values())))
    assert operation.output is not None
    output = data.draw(members(operation.output))
    answer = {"status_code": 200, "headers": {}, "body": json11.serialize(output)}
    parsed = JSONParser().parse(answer, model_of(operation).output_shape)
    del parsed["ResponseMetadata"]
    assert parsed == output


def test_an_empty_body_is_an_input_without_members() -> None:
    assert json11.parse(b"", CREATE) == {}


def test_a_null_member_is_absent() -> None:
    assert json11.parse(b'{"repositoryName":null}', CREATE) == {}


def test_a_null_in_a_list_stays_for_validation_to_refuse() -> None:
    assert json11.parse(b'{"tags":[null]}', CREATE) == {"tags": [None]}


def test_an_unknown_member_stays_for_validation_to_refuse() -> None:
    assert json11.parse(b'{"color":{"is":1}}', CREATE) == {"color": {"is": 1}}


def test_a_blob_is_decoded() -> None:
    assert json11.parse(b'{"layerPartBlob":"AAECaGk="}', PART) == {"layerPartBlob": b"\x00\x01\x02hi"}


def test_the_scalars_no_ecr_input_has_are_read_too() -> None:
    read = json11.parse(b'{"when":1.5,"ratio":2,"count":-3,"on":true,"notes":{"a":"b"}}', SCALARS)
    when = datetime(1970, 1, 1, 0, 0, 1, 500_000, tzinfo=UTC)
    assert read == {"when": when, "ratio": 2.0, "count": -3, "on": True, "notes": {"a": "b"}}


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b'"text"',
        b"null",
        b'{"a":NaN}',
        b'{"repositoryName":"\\ud800"}',
        b'{"repositoryName":"\xff"}',
        b"[" * 100_000,
    ],
)
def test_a_body_that_is_no_json_object_is_malformed(body: bytes) -> None:
    with pytest.raises(BodyMalformed):
        json11.parse(body, CREATE)


@pytest.mark.parametrize(
    ("shape", "body"),
    [
        (CREATE, b'{"repositoryName":7}'),
        (CREATE, b'{"repositoryName":["a"]}'),
        (CREATE, b'{"tags":{}}'),
        (CREATE, b'{"tags":"a"}'),
        (CREATE, b'{"tags":["a"]}'),
        (CREATE, b'{"imageScanningConfiguration":[]}'),
        (CREATE, b'{"imageScanningConfiguration":{"scanOnPush":1}}'),
        (CREATE, b'{"imageScanningConfiguration":{"scanOnPush":"true"}}'),
        (PART, b'{"partFirstByte":"1"}'),
        (PART, b'{"partFirstByte":1.0}'),
        (PART, b'{"partFirstByte":9223372036854775808}'),
        (PART, b'{"layerPartBlob":"a-_="}'),
        (PART, b'{"layerPartBlob":"abc"}'),
        (PART, '{"layerPartBlob":"é"}'.encode()),
        (SCALARS, b'{"count":2147483648}'),
        (SCALARS, b'{"when":1e300}'),
        (SCALARS, b'{"when":"2026-01-01"}'),
        (SCALARS, b'{"notes":[]}'),
        (SCALARS, b'{"notes":{"a":1}}'),
    ],
)
def test_a_value_of_another_type_is_malformed(shape: Shape, body: bytes) -> None:
    with pytest.raises(BodyMalformed, match="is not of type"):
        json11.parse(body, shape)


def test_a_boolean_is_not_an_integer() -> None:
    with pytest.raises(BodyMalformed, match="'partFirstByte' is not of type long"):
        json11.parse(b'{"partFirstByte":true}', PART)


@given(st.binary())
def test_random_bytes_are_read_or_refused(body: bytes) -> None:
    try:
        json11.parse(body, PART)
    except BodyMalformed:
        return


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["tags", "Key", "repositoryName", "x"]), inner),
)


@given(JSON)
def test_random_json_is_read_or_refused(value: object) -> None:
    try:
        json11.parse(json.dumps(value).encode(), CREATE)
    except BodyMalformed:
        return


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.0"),
        (1, "1.0"),
        (9_999_999, "9999999.0"),
        (10_000_000, "1.0E7"),
        (1_504_691_412, "1.504691412E9"),
        (1_448_875_853.241, "1.448875853241E9"),
        (1_500_000_000, "1.5E9"),
        (-1_500_000_000, "-1.5E9"),
        (0.001, "0.001"),
    ],
)
def test_times_are_printed_as_java_prints_doubles(seconds: float, text: str) -> None:
    when = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    assert json11.serialize({"at": when}) == f'{{"at":{text}}}'.encode()


def test_a_time_of_another_zone_is_the_same_instant() -> None:
    when = datetime(1970, 1, 1, 2, tzinfo=timezone(timedelta(hours=2)))
    assert json11.serialize({"at": when}) == b'{"at":0.0}'


def test_answers_are_compact() -> None:
    output: Mapping[str, object] = {"repositories": [{"repositoryName": "a"}], "n": 1, "b": b"hi"}
    assert json11.serialize(output) == b'{"repositories":[{"repositoryName":"a"}],"n":1,"b":"aGk="}'


def test_an_output_of_an_unknown_type_is_a_defect() -> None:
    with pytest.raises(TypeError):
        json11.serialize({"at": object()})


def test_an_error_has_its_type_and_message_and_nothing_else() -> None:
    body = json11.error("RepositoryNotFoundException", 'it\'s "gone"', {})
    assert body == b'{"__type":"RepositoryNotFoundException","message":"it\'s \\"gone\\""}'


def test_an_error_may_have_members_of_its_own() -> None:
    assert json11.error("KmsException", "no", {"kmsError": "x"}).endswith(b'"message":"no","kmsError":"x"}')


def test_a_body_of_more_values_than_clients_send_is_malformed() -> None:
    with pytest.raises(BodyMalformed, match="more than 1000000 commas"):
        json11.parse(b'{"a":[' + b"0," * 1_000_001 + b"0]}", ECR.operations["PutImage"].input)
