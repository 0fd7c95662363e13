"""Review items: what graders tick, changed for everyone who has it, previewed and reversible."""
