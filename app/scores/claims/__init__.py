"""Claims: who has which question of which submission open at the review desk. A mark for the others, and no lock."""
