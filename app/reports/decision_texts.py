"""Sentences about decisions of people on the points of a question."""

from __future__ import annotations

from app import language
from app.scores.models import OverrideKind

_WITH_REASON = {
    OverrideKind.BY_HAND: {
        "en": "{by} set these points by hand: {reason}",
        "zh-Hant": "{by} 人工給分：{reason}",
    },
    OverrideKind.CONFIRMED: {
        "en": "Checked by {by}: {reason}",
        "zh-Hant": "{by} 已審閱：{reason}",
    },
    OverrideKind.REVIEW_ITEMS: {
        "en": "Reviewed by {by}: {reason}",
        "zh-Hant": "{by} 已評閱：{reason}",
    },
}
_WITHOUT_REASON = {
    OverrideKind.BY_HAND: {"en": "{by} set these points by hand.", "zh-Hant": "{by} 人工給分。"},
    OverrideKind.CONFIRMED: {"en": "Checked by {by}.", "zh-Hant": "{by} 已審閱。"},
    OverrideKind.REVIEW_ITEMS: {"en": "Reviewed by {by}.", "zh-Hant": "{by} 已評閱。"},
}


def text(kind: OverrideKind, by: str, reason: str, lang: str) -> str:
    """What a report says about a decision."""
    texts = _WITH_REASON if reason else _WITHOUT_REASON
    return language.text(texts[kind], lang).format(by=by, reason=reason)
