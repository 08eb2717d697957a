"""Passwords at rest."""

import pytest

from twinport.access import passwords
from twinport.identities.login_profiles import check
from twinport.refusals.identities import PasswordTooWeak


def test_a_hash_is_of_one_password_alone_and_never_the_same_twice() -> None:
    first, second = passwords.hashed("Analytical 1843"), passwords.hashed("Analytical 1843")
    assert first != second
    assert passwords.matches("Analytical 1843", first)
    assert not passwords.matches("analytical 1843", first)
    assert "Analytical" not in first


@pytest.mark.parametrize("password", ["", "Short 1", "onlylowercase", "lowerUPPER", "12345678"])
def test_weak_passwords_are_refused(password: str) -> None:
    with pytest.raises(PasswordTooWeak):
        check(password)


@pytest.mark.parametrize("password", ["lowerUPPER1", "lower case 1", "Größe 12"])
def test_three_kinds_of_characters_are_enough(password: str) -> None:
    check(password)
