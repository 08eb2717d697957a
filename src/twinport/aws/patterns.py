"""The models' patterns, written for Java, as Python regular expressions that must match a whole string."""

import re
from functools import cache

# Java's classes of Unicode categories. The models use letters and numbers only together with the underscore, and
# these three together are Python's `\w`.
_CATEGORIES = {r"\p{L}\p{Z}\p{N}_": r"\w\u0020\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"}

# Java reads `\u10000` as `\u1000` and a zero. The model means every character beyond the basic plane.
_SUPPLEMENTARY = {r"\u10000-\u10FFFF": r"\U00010000-\U0010FFFF"}

# The original takes exponential time on a long string that fails at its end. This is the same language, unambiguous:
_LINEAR = {r"^[a-z0-9*](?:[._\-/a-z0-9*]?[a-z0-9*]+)*$": r"[a-z0-9*]+(?:[._\-/][a-z0-9*]+)*"}


@cache
def compiled(pattern: str) -> re.Pattern[str]:
    """Translate one of the models' patterns. They are few, so all are cached."""
    text = _LINEAR.get(pattern, pattern)
    for java, python in (_CATEGORIES | _SUPPLEMENTARY).items():
        text = text.replace(java, python)
    # Java's \w, \d and \S are ASCII; only the translated categories are not.
    return re.compile(text, re.NOFLAG if r"\p{" in pattern else re.ASCII)


def matches(pattern: str, text: str) -> bool:
    """Tell whether the whole of `text` satisfies the model's pattern."""
    return compiled(pattern).fullmatch(text) is not None
