"""Normalises text to what a person sees: drops invisible characters, and rejects text that displays differently than it reads."""

import unicodedata
from enum import Enum


class Flaw(Enum):
    """Why a text is rejected."""

    NOTHING_VISIBLE = "Give at least one visible character."
    CONTROL = "Leave out control characters, line breaks and characters without a meaning of their own."
    DIRECTION = "Leave out characters that turn the direction of the text around."


class BadText(Exception):
    """A rejected text, which the error does not repeat."""

    def __init__(self, flaw: Flaw) -> None:
        super().__init__(flaw.value)
        self.flaw = flaw


def _ranges(*pairs: tuple[int, int]) -> frozenset[str]:
    return frozenset(chr(code) for first, last in pairs for code in range(first, last + 1))


# Default_Ignorable_Code_Point of the Unicode Character Database (DerivedCoreProperties.txt): code points that show nothing,
# those included that are not assigned yet. The same in every version since 5.2, but for fillers and format controls in these blocks.
_IGNORABLE = _ranges(
    (0x00AD, 0x00AD),
    (0x034F, 0x034F),
    (0x061C, 0x061C),
    (0x115F, 0x1160),
    (0x17B4, 0x17B5),
    (0x180B, 0x180F),
    (0x200B, 0x200F),
    (0x202A, 0x202E),
    (0x2060, 0x206F),
    (0x3164, 0x3164),
    (0xFE00, 0xFE0F),
    (0xFEFF, 0xFEFF),
    (0xFFA0, 0xFFA0),
    (0xFFF0, 0xFFF8),
    (0x1BCA0, 0x1BCA3),
    (0x1D173, 0x1D17A),
    (0xE0000, 0xE0FFF),
)

# Format controls of annotations and hieroglyphs: renderers that support them show nothing, others may show a glyph.
_ANNOTATIONS = _ranges((0xFFF9, 0xFFFB), (0x13430, 0x1343F))

_INVISIBLE = _IGNORABLE | _ANNOTATIONS

# Assigned as symbols and letters, and as empty as a space: the pattern without a dot, the null notehead, blank hieroglyphs.
_BLANKS = frozenset("\u2800\U0001d159\U00013441\U00013442")

# Invisible, and part of how words are written: joiners (Persian, Indic, emoji), variation selectors (the forms of ideographs, as
# Japanese family registers have them, and of Mongolian letters), fillers of old Hangul, Khmer vowels, the grapheme joiner.
_JOINERS = frozenset("\u200c\u200d")
_SELECTORS = _ranges((0xFE00, 0xFE0F), (0xE0100, 0xE01EF), (0x180B, 0x180D), (0x180F, 0x180F))
_INSIDE_WORDS = _JOINERS | _SELECTORS | _ranges((0x034F, 0x034F), (0x115F, 0x1160), (0x17B4, 0x17B5))

# Embeddings, overrides and isolates: what follows is shown in another order than it is stored.
_DIRECTIONS = _ranges((0x202A, 0x202E), (0x2066, 0x2069))

# The 66 code points that never become characters (The Unicode Standard, section 23.7).
_NONCHARACTERS = _ranges(
    (0xFDD0, 0xFDEF), *((plane + 0xFFFE, plane + 0xFFFF) for plane in range(0, 0x110000, 0x10000))
)

# Canonical combining class of a virama: a joiner behind it changes what is seen (RFC 5892, appendix A).
_VIRAMA = 9


def visible_text(value: str) -> str:
    """Normalise a text: NFC, runs of white space as one space, and no invisible characters except those that words need inside.

    Raises BadText when nothing is visible, for control characters, and for characters that change the text's direction.
    """
    text = _trimmed(unicodedata.normalize("NFC", value))
    if any(_is_control(sign) for sign in text):
        raise BadText(Flaw.CONTROL)
    if _DIRECTIONS & set(text):
        raise BadText(Flaw.DIRECTION)
    seen = " ".join("".join(sign for sign in text if _belongs(sign)).split())
    if not any(_is_visible(sign) for sign in seen):
        raise BadText(Flaw.NOTHING_VISIBLE)
    return seen


def is_blank(value: str) -> bool:
    """Whether the text shows nothing at all; an optional text then counts as not given."""
    return not _trimmed(value)


def _trimmed(text: str) -> str:
    """Strip white space and invisible characters from both ends, except one that shapes the last letter."""
    first, last = 0, len(text)
    while first < last and _shows_nothing(text[first]):
        first += 1
    while first < last and _shows_nothing(text[last - 1]) and not _shapes(text, last - 1):
        last -= 1
    return text[first:last]


def _shows_nothing(sign: str) -> bool:
    return sign in _INVISIBLE or sign in _BLANKS or sign.isspace()


def _shapes(text: str, at: int) -> bool:
    """Whether the character changes the appearance of the one before it."""
    before = text[at - 1] if at else " "
    if text[at] in _SELECTORS:
        return not _shows_nothing(before)
    return text[at] in _JOINERS and unicodedata.combining(before) == _VIRAMA


def _belongs(sign: str) -> bool:
    return sign not in _INVISIBLE or sign in _INSIDE_WORDS


def _is_visible(sign: str) -> bool:
    """Whether the character is visible by itself; a combining mark is so only with a letter."""
    return not _shows_nothing(sign) and not unicodedata.category(sign).startswith("M")


def _is_control(sign: str) -> bool:
    """Whether it is a control code, surrogate, private use or noncharacter.

    Unassigned code points count as newer letters.
    """
    kind = unicodedata.category(sign)
    return kind in {"Cc", "Cs", "Co"} or sign in _NONCHARACTERS
