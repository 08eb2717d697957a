"""Formats an event for a terminal: wrapped between words, without characters that control the terminal."""

import textwrap
from collections.abc import Iterator, Mapping

from twinport.model.printable import printable

WIDTH = 100
_LEVEL = len("12:34:56.789 ")
_EXCEPTION = "exception"


def shown(time: str, level: str, name: str, fields: Mapping[str, object], width: int = WIDTH) -> str:
    """Return the lines of an event, at most `width` columns wide, except for longer single words.

    These stay whole, so that a person can copy a digest or an ARN.
    """
    facts = [f"{key}={_value(value)}" for key, value in fields.items() if value is not None and key != _EXCEPTION]
    head = f"{time} {level:<7} {name:<20} "
    lines = textwrap.wrap(
        " ".join(facts),
        width,
        initial_indent=head,
        subsequent_indent=" " * _LEVEL,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return "\n".join([*(lines or [head.rstrip()]), *_traceback(fields)])


def _value(value: object) -> str:
    text = printable(str(value))
    return f'"{text}"' if " " in text or not text else text


def _traceback(fields: Mapping[str, object]) -> Iterator[str]:
    """Yield the lines of a traceback as Python wrote them."""
    for line in str(fields.get(_EXCEPTION, "")).splitlines():
        yield " " * _LEVEL + printable(line)
