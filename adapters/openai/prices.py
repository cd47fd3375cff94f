"""What models cost, as last seen on public price lists; a model that is not here has no known cost."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars per million tokens: read, read from the provider's cache, written."""

    read: float
    cached: float
    written: float


# fmt: off
PRICES = {
    "gpt-6-luna":    Price(0.10, 0.01, 0.50),
    "gpt-6.1-terra": Price(1.00, 0.05, 5.00),
    "gpt-6.1-sol":   Price(2.00, 0.10, 10.00),
}
# fmt: on
"""Of October 2026."""


def cost_usd_micros(model: str, tokens_in: int, cached: int, tokens_out: int) -> int | None:
    """Return what a call cost in millionths of a US dollar; a dollar per million tokens is one each."""
    price = PRICES.get(model)
    if price is None:
        return None
    cached = min(cached, tokens_in)
    return round((tokens_in - cached) * price.read + cached * price.cached + tokens_out * price.written)
