"""Ids of uploads: what stands in one, and how it is spelled."""

import re
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twinport.model import upload_ids
from twinport.model.upload_ids import LIFE, MARKS, NONCES, SKEW, UploadId

PARTS = st.builds(UploadId, st.integers(0, (1 << 32) - 1), st.integers(0, NONCES - 1), st.integers(0, MARKS - 1))


@given(PARTS)
def test_an_id_reads_as_it_was_written_and_is_a_uuid_that_says_it_is_no_random_one(upload: UploadId) -> None:
    text = str(upload)
    assert upload_ids.parse(text) == upload
    # The pattern of ECR's model.
    assert re.fullmatch(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}", text)
    assert UUID(text).version == 8


@given(PARTS, st.timedeltas(-2 * LIFE, 2 * LIFE), st.timedeltas(-SKEW, SKEW))
def test_an_id_that_is_harmless_by_one_clock_begins_no_upload_by_another(
    upload: UploadId, age: timedelta, ahead: timedelta
) -> None:
    now = upload.issued_at + age
    harmless_from = upload_ids.harmless_from(str(upload))
    assert harmless_from is not None
    assert not (now > harmless_from and upload.may_begin(now + ahead))
    assert upload.may_begin(now) == (-SKEW <= age <= LIFE)


@given(st.text() | st.uuids(version=4).map(str) | PARTS.map(lambda each: str(each).upper() + " "))
def test_what_is_spelled_otherwise_is_no_id_that_begins_an_upload(text: str) -> None:
    assert upload_ids.parse(text) is None
    assert upload_ids.harmless_from(text) is None


@pytest.mark.parametrize("text", ["{%s}", "urn:uuid:%s", "%s\n"])
def test_other_spellings_of_a_uuid_are_no_ids(text: str) -> None:
    assert upload_ids.parse(text % UploadId(1, 2, 3)) is None
    assert upload_ids.parse(str(uuid4())) is None
