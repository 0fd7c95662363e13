"""What changed between two texts."""

from __future__ import annotations

from app.pages.compare import difference


def test_only_what_changed_is_shown_with_its_surroundings() -> None:
    before = "\n".join(str(number) for number in range(20))
    after = before.replace("10", "ten")
    assert difference(before, after) == [
        "@@ -8,7 +8,7 @@", " 7", " 8", " 9", "-10", "+ten", " 11", " 12", " 13",
    ]  # fmt: skip


def test_a_part_that_is_new_is_all_added() -> None:
    assert difference("", "a\nb") == ["@@ -0,0 +1,2 @@", "+a", "+b"]


def test_texts_that_are_too_long_are_not_compared() -> None:
    assert difference("a\n" * 5_001, "b") is None
    assert difference("a" * 500_000, "b") is None
