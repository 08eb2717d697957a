"""Settings: the address of a database, which holds a password."""

from datetime import timedelta
from pathlib import Path

import pytest

from twinport.errors import ConfigurationWrong
from twinport.model.regions import DEFAULT_REGIONS
from twinport.settings.deviations import AS_ECR, Deviation
from twinport.settings.loading import Settings, load
from twinport.settings.retention import Retention
from twinport.settings.sources import config_file

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


def test_all_deviations_come_with_ecr_s_fidelity_and_single_ones_by_name() -> None:
    assert load(None, {"TWINPORT_FIDELITY": "ecr"}, {}).ways == AS_ECR
    assert load(None, {"TWINPORT_DEVIATIONS": "rates, quotas"}, {}).ways == {Deviation.RATES, Deviation.QUOTAS}
    assert Settings().ways == frozenset()


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("TWINPORT_FIDELITY", "ECR", "'standard' or 'ecr' is needed, not 'ECR'"),
        ("TWINPORT_DEVIATIONS", "rates,rate", "'rate' is no deviation: use some of chunk-created,"),
        ("TWINPORT_SPARSE_IMAGES", "perhaps", "true or false is needed, not 'perhaps'"),
        (
            "TWINPORT_TRUSTED_PROXIES",
            "10.0.0.0/8,proxy",
            "an address or a network is needed, as 10.0.0.0/8, not 'proxy'",
        ),
    ],
)
def test_a_setting_that_means_nothing_is_refused_with_what_would(name: str, value: str, problem: str) -> None:
    with pytest.raises(ConfigurationWrong) as met:
        load(None, {name: value}, {})
    assert problem in met.value.message


def test_times_and_sizes_are_read_from_the_file_and_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "twinport.toml"
    file.write_text('garbage_delay = "90s"\nverify_rate = "512KiB"\nverify_round = "never"\n')
    retention = load(file, {"TWINPORT_UPLOAD_EXPIRY": "3d"}, {}).retention
    assert (retention.garbage_delay, retention.upload_expiry) == (timedelta(seconds=90), timedelta(days=3))
    assert (retention.verify_rate, retention.verify_round) == (512 << 10, None)
    assert retention.reader_grace == Retention().reader_grace


@pytest.mark.parametrize(
    ("name", "value"),
    [("garbage_delay", 5), ("upload_expiry", "0h"), ("orphan_age", "1w"), ("verify_rate", "10"), ("verify_round", "")],
)
def test_a_time_or_size_that_cannot_be_meant_is_refused_by_name(name: str, value: object) -> None:
    with pytest.raises(ConfigurationWrong, match=name):
        load(None, {}, {name: value})


@pytest.mark.parametrize("name", ["orphan_age", "litter_age"])
def test_an_old_name_of_a_setting_still_sets_it(name: str, tmp_path: Path) -> None:
    (tmp_path / "t.toml").write_text(f'{name} = "90s"\n')
    assert load(tmp_path / "t.toml", {}, {}).orphan_age == timedelta(seconds=90)
    assert load(None, {f"TWINPORT_{name.upper()}": "90s"}, {}).orphan_age == timedelta(seconds=90)


@pytest.mark.parametrize(("first", "later"), [("orphan_round", "LITTER_ROUND"), ("litter_round", "ORPHAN_ROUND")])
def test_a_later_source_wins_under_whichever_name(first: str, later: str, tmp_path: Path) -> None:
    (tmp_path / "t.toml").write_text(f'{first} = "90s"\n')
    assert load(tmp_path / "t.toml", {f"TWINPORT_{later}": "2h"}, {}).orphan_round == timedelta(hours=2)


def test_a_setting_under_its_old_and_its_new_name_at_once_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.toml").write_text('litter_age = "90s"\norphan_age = "90s"\n')
    said = problems({"TWINPORT_LITTER_ROUND": "90s", "TWINPORT_ORPHAN_ROUND": "90s"}, tmp_path / "t.toml")
    assert f"'litter_age' and 'orphan_age' ({tmp_path / 't.toml'}) are the old and the new name of one setting" in said
    assert "(environment) are the old and the new name of one setting: give 'orphan_round' alone" in said


def test_a_wrong_value_is_refused_by_the_name_that_was_given() -> None:
    assert "'litter_age' (environment): a time such as" in problems({"TWINPORT_LITTER_AGE": "1w"})


def test_an_old_name_is_never_suggested() -> None:
    assert "did you mean 'TWINPORT_LITTER" not in problems({"TWINPORT_LITTER_AG": "90s"})


def problems(environment: dict[str, str], file: Path | None = None) -> str:
    with pytest.raises(ConfigurationWrong) as met:
        load(file, environment, {})
    return met.value.message


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("TWINPORT_LISTN", "TWINPORT_LISTEN"),
        ("TWINPORT_OPEN_ACOUNTS", "TWINPORT_OPEN_ACCOUNTS"),
        ("TWINPORT_TLS_CERTIFICATE", "TWINPORT_TLS_CERT"),
        ("TWINPORT_REGION", "TWINPORT_REGIONS"),
    ],
)
def test_a_variable_that_is_no_setting_is_refused_with_the_nearest(name: str, nearest: str) -> None:
    assert f"'{name}' (environment) is not a setting: did you mean '{nearest}'?" in problems({name: "x"})


def test_a_key_that_is_no_setting_is_refused_with_the_nearest(tmp_path: Path) -> None:
    file = tmp_path / "twinport.toml"
    file.write_text('listn = "127.0.0.1:1"\n')
    assert "is not a setting: did you mean 'listen'?" in problems({}, file)


def test_every_wrong_variable_is_named_at_once() -> None:
    said = problems(
        {"TWINPORT_LISTN": "x", "TWINPORT_REGIONS": "mars-1, eu-wset-1, eu-west-1", "TWINPORT_WORKERS": "no"}
    )
    for word in ("TWINPORT_LISTN", "'mars-1', 'eu-wset-1'", "workers"):
        assert word in said


@pytest.mark.parametrize(
    "name",
    [
        "TWINPORT_CONFIG",
        "TWINPORT_ENDPOINT",
        "TWINPORT_SERVICE_HOST",
        "TWINPORT_SERVICE_PORT_HTTPS",
        "TWINPORT_PORT",
        "TWINPORT_PORT_4566_TCP_ADDR",
    ],
)
def test_variables_that_are_for_others_are_left_alone(name: str) -> None:
    assert load(None, {name: "tcp://10.0.0.7:4566"}, {}) == Settings()


@pytest.mark.parametrize(
    "name", ["mars-1", "eu-wset-1", "cn-north-1", "us-gov-west-1", "EU-WEST-1", "eu-west", "eu-west-0"]
)
def test_a_name_that_no_region_can_have_is_refused(name: str) -> None:
    assert f"not '{name}'" in problems({"TWINPORT_REGIONS": name})


def test_every_region_that_is_known_may_be_served() -> None:
    assert load(None, {"TWINPORT_REGIONS": ",".join(DEFAULT_REGIONS)}, {}).regions == DEFAULT_REGIONS


@pytest.mark.parametrize(
    ("variable", "option", "chosen"),
    [
        (None, None, None),
        ("", None, None),
        ("v.toml", None, "v.toml"),
        ("v.toml", "o.toml", "o.toml"),
        (None, "o.toml", "o.toml"),
    ],
)
def test_the_option_names_the_settings_file_before_the_variable(
    variable: str | None, option: str | None, chosen: str | None
) -> None:
    environment = {} if variable is None else {"TWINPORT_CONFIG": variable}
    assert config_file(environment, Path(option) if option else None) == (Path(chosen) if chosen else None)
