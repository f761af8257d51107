"""What of a text somebody sees: for every text that a deployment gives, and people read."""

import re

# Nobody sees a control character, a blank that is no space, nor what turns the direction of the
# words behind it; half an emoji is no text. The list is Unicode's Default_Ignorable_Code_Point
# without emoji's variation selectors and the marks of Arabic and Hebrew, and Braille's blank.
# Neither is compiled at import, which every cold start would pay for.
_ODD = (
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b"
    "\u2028-\u202e\u2060-\u206f\u2800\u3164\ufdd0-\ufdef\ufeff\uffa0\ufff0-\ufffb"
    "\ufffe\uffff\ud800-\udfff\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
    # Persian, Hindi and emoji join by these, which is inside of words.
    r"|(?:^|\s)[\u200c\u200d]|[\u200c\u200d](?:$|\s|[\u200c\u200d])"
)
_SEEN = r"[^\ufe00-\ufe0f\s\u061c\u200e\u200f]"


def is_seen(text: str) -> bool:
    """Return whether a text has anything that somebody sees."""
    return re.search(_SEEN, text) is not None


def has_unseen(text: str) -> bool:
    """Return whether a text has what nobody sees, or what turns other words round.

    What languages need is left: joiners inside of words, and the marks of right-to-left scripts.
    """
    return re.search(_ODD, text) is not None
