"""The settings of the sealing key: a text or a file, and never shown."""

from pathlib import Path

import pytest

from twinport.errors import ConfigurationWrong
from twinport.settings.loading import Settings, load

HEX = "ab" * 32
LINES = f"new:{HEX}\nold:{'cd' * 32}\n"
KEYS = [("new", b"\xab" * 32), ("old", b"\xcd" * 32)]


def loaded(**given: object) -> Settings:
    return load(None, {f"TWINPORT_{name.upper()}": str(word) for name, word in given.items()}, {})


def listed(settings: Settings) -> list[tuple[str, bytes]]:
    return list((settings.sealing_keys or {}).items())


def test_without_the_setting_the_folder_has_its_own_key() -> None:
    assert Settings().sealing_keys is None


def test_keys_come_in_a_text_or_in_a_file_and_are_not_shown(tmp_path: Path) -> None:
    held = tmp_path / "sealing"
    held.write_text(LINES)
    in_text, in_file = loaded(sealing_key=LINES), loaded(sealing_key_file=held)
    assert listed(in_text) == listed(in_file) == KEYS
    assert HEX not in repr(in_text) + repr(in_file)


@pytest.mark.parametrize("text", [HEX, f"new:{HEX[1:]}", f"new:{HEX}\nnew:{HEX}"])
def test_what_is_no_key_is_refused_and_not_repeated(text: str, tmp_path: Path) -> None:
    held = tmp_path / "sealing"
    held.write_text(text)
    for given in ({"sealing_key": text}, {"sealing_key_file": held}):
        with pytest.raises(ConfigurationWrong, match=f"'{next(iter(given))}' \\(environment\\)") as met:
            loaded(**given)
        assert HEX[1:] not in met.value.message


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationWrong, match="a file is needed"):
        loaded(sealing_key_file=tmp_path / "none")


def test_text_and_file_are_not_given_together(tmp_path: Path) -> None:
    held = tmp_path / "sealing"
    held.write_text(LINES)
    with pytest.raises(ConfigurationWrong, match="'sealing_key' and 'sealing_key_file' say the same"):
        loaded(sealing_key=LINES, sealing_key_file=held)
