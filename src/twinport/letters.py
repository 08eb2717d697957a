"""Upper and lower case of the letters that have them in AWS's names: those of ASCII."""

from string import ascii_lowercase, ascii_uppercase

_LOWER = str.maketrans(ascii_uppercase, ascii_lowercase)


def lower_ascii(text: str) -> str:
    """Write ASCII's letters in lower case, and leave every other character as it is.

    Unicode takes other characters for the same letters: `str.lower` makes `k` of the Kelvin sign.
    """
    return text.lower() if text.isascii() else text.translate(_LOWER)
