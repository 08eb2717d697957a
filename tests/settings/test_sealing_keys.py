"""The lines that hold sealing keys."""

import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twinport.settings.storage import sealing_keys

IDS = st.text(string.ascii_letters + string.digits + "._-", min_size=1, max_size=64)
KEYS = st.binary(min_size=32, max_size=32)
HEX = "ab" * 32


@given(st.dictionaries(IDS, KEYS, min_size=1, max_size=4), st.sampled_from(["\n", "\r\n", " ", "\n\n"]))
def test_each_line_is_a_key_and_their_order_is_kept(keys: dict[str, bytes], between: str) -> None:
    text = between.join(f"{name}:{key.hex()}" for name, key in keys.items())
    assert list(sealing_keys(f"{text}\n").items()) == list(keys.items())


@pytest.mark.parametrize(
    "text", ["", " \n", HEX, f":{HEX}", f"a:{HEX[2:]}", f"a:{HEX}00", f"a:{HEX[:-1]}g", f"a:b:{HEX}", f"a b:{HEX}"]
)
def test_what_is_no_key_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(ValueError, match="KEYID:HEX64") as met:
        sealing_keys(text)
    assert not re.search("[0-9a-f]{20}", str(met.value))


def test_two_keys_of_one_id_are_refused() -> None:
    with pytest.raises(ValueError, match="'a' stands in two lines"):
        sealing_keys(f"a:{HEX}\na:{HEX}")
