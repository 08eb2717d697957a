"""The declaration of a setting: one field says all that the loader must know."""

from dataclasses import dataclass

import pytest

from twinport.settings import parsers, sources
from twinport.settings.declaration import declared, setting


@dataclass(frozen=True)
class Small:
    hosts: tuple[str, ...] = setting(parsers.names, default=())
    url: str | None = setting(parsers.url, default=None, old_name="address")
    secret: str | None = setting(parsers.token, default=None, is_secret=True)


def test_every_name_that_a_source_may_use_leads_to_the_declaration() -> None:
    assert {name: each.name for name, each in declared(Small).items()} == {
        "hosts": "hosts",
        "url": "url",
        "secret": "secret",
        "address": "url",
    }


def test_commas_in_the_environment_separate_the_items_of_a_list_and_of_nothing_else() -> None:
    given = {"TWINPORT_HOSTS": "a.example, b.example,", "TWINPORT_ADDRESS": "http://a,b"}
    found = sources.from_environment(given, declared(Small), [])
    assert found == {"hosts": ["a.example", "b.example"], "address": "http://a,b"}


def test_a_secret_is_left_out_where_the_settings_are_shown() -> None:
    assert repr(Small(secret="marked")) == "Small(hosts=(), url=None)"


@pytest.mark.parametrize("value", [True, 0, 257, "no", "1.5", -1])
def test_a_number_out_of_its_bounds_is_refused_with_the_bounds(value: object) -> None:
    with pytest.raises(ValueError, match=f"^a number of processes from 1 to 256 is needed, not {value!r}$"):
        parsers.number(256, "a number of processes")(value)
