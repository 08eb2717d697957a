"""Escapes text from clients for terminals and logs: no character controls a terminal or begins a new line."""


def printable(text: str) -> str:
    """Escape every character that is not printable, as Python does."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def printable_json(text: str) -> str:
    """Escape every character that is not printable in a line of JSON, as in JSON's strings."""
    return text if text.isprintable() else "".join(map(_in_json, text))


def _in_json(character: str) -> str:
    if character.isprintable():
        return character
    digits = character.encode("utf-16-be").hex()
    return "".join(f"\\u{digits[first : first + 4]}" for first in range(0, len(digits), 4))
