"""Secrets at rest."""

import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twinport.access.sealing import SealBroken, Sealer, sealer_of_folder
from twinport.errors import ConfigurationWrong

SEALER = Sealer({"k1": b"1" * 32}, "k1")


@given(st.binary(max_size=200), st.text(max_size=40))
def test_what_is_sealed_opens_again(secret: bytes, purpose: str) -> None:
    sealed = SEALER.seal(secret, purpose)
    assert sealed.startswith("v1:k1:")
    assert sealed.count(":") == 3
    assert SEALER.open(sealed, purpose) == secret


def test_one_secret_is_never_sealed_alike_twice() -> None:
    assert SEALER.seal(b"secret", "row") != SEALER.seal(b"secret", "row")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda s: s[:-3] + ("y" if s[-3] == "x" else "x") + s[-2:],
        lambda s: "v2" + s[2:],
        lambda _: "",
        lambda _: "v1:k9:a:b",
    ],
)
def test_an_altered_seal_does_not_open(spoil: Callable[[str], str]) -> None:
    with pytest.raises(SealBroken):
        SEALER.open(spoil(SEALER.seal(b"secret", "row")), "row")


def test_a_seal_is_of_no_use_for_another_row() -> None:
    with pytest.raises(SealBroken):
        SEALER.open(SEALER.seal(b"secret", "access key A"), "access key B")


def test_an_older_key_still_opens_what_it_sealed() -> None:
    sealed = SEALER.seal(b"secret", "row")
    assert Sealer({"k1": b"1" * 32, "k2": b"2" * 32}, "k2").open(sealed, "row") == b"secret"


def test_a_folder_keeps_its_key_and_only_the_owner_may_read_it(tmp_path: Path) -> None:
    sealed = sealer_of_folder(tmp_path).seal(b"secret", "row")
    assert sealer_of_folder(tmp_path).open(sealed, "row") == b"secret"
    assert stat.S_IMODE((tmp_path / "sealing.key").stat().st_mode) == 0o600


def test_a_spoilt_key_file_is_explained(tmp_path: Path) -> None:
    (tmp_path / "sealing.key").write_text("nonsense")
    with pytest.raises(ConfigurationWrong, match="sealing key cannot be used"):
        sealer_of_folder(tmp_path)
