"""How resources were matched before parts of ARNs counted: `*` and `?` stand for anything. A reference for tests."""


def matches(written: str, text: str) -> bool:
    """Tell whether `written` matches the whole of `text`, by trying each place of the text for each sign."""
    places = {0}
    for sign in written:
        if sign == "*":
            places = set(range(min(places), len(text) + 1)) if places else set()
        else:
            places = {place + 1 for place in places if place < len(text) and sign in ("?", text[place])}
    return len(text) in places


def matches_within_parts(written: str, text: str) -> bool:
    """The same, where a wildcard in the first five parts stays in its part unless it is a star at the part's end."""
    places = {0}
    for index, sign in enumerate(written):
        crosses = written[:index].count(":") >= 5 or (sign == "*" and written[index + 1 : index + 2] in ("", ":"))
        if sign == "*":
            places = {end for place in places for end in range(place, len(text) + 1)
                      if crosses or ":" not in text[place:end]}  # fmt: skip
        else:
            is_met = {place for place in places if place < len(text) and sign in ("?", text[place])}
            places = {place + 1 for place in is_met if sign != "?" or crosses or text[place] != ":"}
    return len(text) in places
