"""Patterns in which only `*` is special: it stands for any characters, also for none."""


def matches(pattern: str, text: str) -> bool:
    """Tell whether a pattern matches the whole text. Takes linear time, since a tenant wrote the pattern."""
    if "*" not in pattern:
        return text == pattern
    head, *middle, tail = pattern.split("*")
    if not text.startswith(head) or not text.endswith(tail):
        return False
    place = len(head)
    for part in middle:
        found = text.find(part, place)
        if found < 0:
            return False
        place = found + len(part)
    return place <= len(text) - len(tail)
