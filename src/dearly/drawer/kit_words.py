"""The check words of the recovery kit: two short words for ten bits, easy to say, to hear and to read."""

FIRST = (
    "amber", "black", "blue", "bold", "brave", "bright", "brown", "calm", "clear", "cold", "dark", "deep", "dry",
    "early", "fair", "fine", "gold", "grand", "green", "grey", "kind", "late", "light", "long", "mild", "old", "proud",
    "quick", "red", "small", "warm", "young",
)  # fmt: skip
SECOND = (
    "apple", "barn", "bell", "bird", "boat", "bridge", "candle", "castle", "cloud", "door", "field", "flute", "garden",
    "harbor", "hill", "island", "kettle", "ladder", "lake", "lamp", "moon", "oak", "orchard", "pencil", "pond", "river",
    "stone", "street", "table", "tower", "violin", "window",
)  # fmt: skip

assert len(set(FIRST)) == len(set(SECOND)) == 32


def word(bits: int) -> str:
    """The check word for ten bits."""
    return f"{FIRST[bits >> 5 & 31]}-{SECOND[bits & 31]}"
