"""How much is logged: the setting `log_level`."""

from enum import IntEnum


class LogLevel(IntEnum):
    """The level of an event. An event is written if its level is at least the configured one."""

    DEBUG = 10
    INFO = 20
    WARNING = 30
    ERROR = 40

    @property
    def word(self) -> str:
        """Return the level as settings and events write it."""
        return self.name.lower()
