"""How upkeep formats counts and sizes."""

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")
_STEP = 1024


def plural(count: int, noun: str) -> str:
    """Format a count of things. The word `bytes` has no singular form."""
    if count == 1 or noun == "bytes":
        return f"{count} {noun}"
    return f"{count} {noun.removesuffix('y')}ies" if noun.endswith("y") else f"{count} {noun}s"


def size_of(size: float) -> str:
    """Format a number of bytes."""
    for unit in _UNITS[:-1]:
        if size < _STEP:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= _STEP
    return f"{size:.1f} {_UNITS[-1]}"
