"""Settings: the address of a database, which holds a password."""

import pytest

from twinport.config import Settings, load
from twinport.errors import ConfigurationWrong

ADDRESS = "postgresql://ann:marked-secret@db.example:5432/twinport?sslmode=require"


def test_a_database_is_told_by_the_environment_and_never_shown() -> None:
    settings = load(None, {"TWINPORT_DATABASE": ADDRESS}, {})
    assert settings.database == ADDRESS
    assert "marked-secret" not in repr(settings)


def test_without_a_database_everything_is_in_the_data_folder() -> None:
    assert Settings().database is None


@pytest.mark.parametrize(
    "address",
    [
        "mysql://ann:marked-secret@db.example/twinport",
        "postgresql://ann:marked-secret@db.example",
        "postgresql://ann:marked-secret@[db/twinport",
        f"postgresql://ann:marked-secret@db.example/{'n' * 41}",
        "marked-secret",
    ],
)
def test_an_address_that_cannot_be_used_is_refused_without_repeating_it(address: str) -> None:
    with pytest.raises(ConfigurationWrong) as refused:
        load(None, {"TWINPORT_DATABASE": address}, {})
    assert "'database' (environment)" in refused.value.message
    assert "marked-secret" not in refused.value.message
