"""Text that a client may have chosen, for terminals and logs: no character of it steers a terminal or begins a line."""


def printable(text: str) -> str:
    """Write out every character that is not printable, as Python writes it."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def printable_json(text: str) -> str:
    """Write out every character that is not printable in a line of JSON, as JSON writes it in its strings."""
    return text if text.isprintable() else "".join(map(_in_json, text))


def _in_json(character: str) -> str:
    if character.isprintable():
        return character
    digits = character.encode("utf-16-be").hex()
    return "".join(f"\\u{digits[first : first + 4]}" for first in range(0, len(digits), 4))
