"""The things on the pictures: the eleven classes of Food-11 in the homework's label order, each with its emoji.

Every class has some emoji of the same kind of dish (bowls of soup, noodles and rice; rings of dough that are bread and
dessert), so that colour alone does not tell the classes apart.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Dish:
    """One class. The emoji of ``hidden_glyphs``, similar ones, appear in the hidden split alone."""

    name: str
    glyphs: str
    hidden_glyphs: str = ""


DISHES = (
    Dish("Bread", "🍞🥐🥖🥨🥯", "🫓"),
    Dish("Dairy product", "🥛🧀🧈🍼"),
    Dish("Dessert", "🍰🎂🧁🍮🍩🍪🍦🍨", "🍧🥧"),
    Dish("Egg", "🥚🍳🪺"),
    Dish("Fried food", "🍟🍤🧆🥟"),
    Dish("Meat", "🍖🥩🥓🍗🌭"),
    Dish("Noodles/Pasta", "🍜🍝🥡"),
    Dish("Rice", "🍚🍙🍛🍘🍱"),
    Dish("Seafood", "🦐🦞🦀🦑🐟🦪", "🐠🐙"),
    Dish("Soup", "🍲🥣🫕🥘"),
    Dish("Vegetable/Fruit", "🍎🍐🍋🍌🍇🍓🍉🍅🥦🥕🌽🍆", "🍏🍊🥒🍑"),
)
"""The label is the place in this tuple."""

CLASSES = tuple(dish.name for dish in DISHES)
CUTLERY = "🍴🥄🔪🥢"
OTHER_THINGS = "🧂🌸🕯🎈⚽🧦📎🔑🌿🧊🧻🧽📱🧋🍶"
"""Things of no class that lie beside the dish."""
