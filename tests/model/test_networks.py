"""IP addresses and networks: what is read, and that parsed ones are remembered within a bound."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twinport.model.networks import read_address, read_network

addresses = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)).map(str)


@given(addresses)
def test_an_address_is_read_alike_each_time(text: str) -> None:
    assert read_address(text) == read_address(text)


def test_an_address_of_ipv4_inside_ipv6_is_of_ipv4() -> None:
    assert [str(read_address("::ffff:192.0.2.1")) for _ in range(2)] == ["192.0.2.1", "192.0.2.1"]


@given(st.text(alphabet="0123456789abcdef:./", min_size=65, max_size=300))
def test_long_text_is_no_address_and_no_network(text: str) -> None:
    for read in (read_address, read_network):
        with pytest.raises(ValueError, match=r"[0-9a-f:./]"):
            read(text)
