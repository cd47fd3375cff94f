"""How long to wait before another try."""


def doubled_s(first_s: float, longest_s: float, tries: int) -> float:
    """Return the wait after so many tries, in seconds: after each twice as long as before, at most `longest_s`."""
    return min(longest_s, first_s * 2.0 ** min(tries - 1, 20))
