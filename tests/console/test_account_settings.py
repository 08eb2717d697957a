"""The words of account settings on the console."""

from twinport.console.account_settings import SETTINGS
from twinport.model.account_settings import AccountSetting


def test_every_account_setting_and_every_value_has_words() -> None:
    worded = {each.code: {choice.value for choice in each.choices} for each in SETTINGS}
    assert worded == {each.value: set(each.values) for each in AccountSetting}
