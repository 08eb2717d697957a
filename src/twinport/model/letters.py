"""Upper and lower case as in AWS's names: only ASCII letters have case."""

from string import ascii_lowercase, ascii_uppercase

_LOWER = str.maketrans(ascii_uppercase, ascii_lowercase)


def lower_ascii(text: str) -> str:
    """Convert ASCII letters to lower case, and leave every other character unchanged.

    `str.lower` follows Unicode, which maps other characters to the same letters: it makes `k` of the Kelvin sign.
    """
    return text.lower() if text.isascii() else text.translate(_LOWER)
