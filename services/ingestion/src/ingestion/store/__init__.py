"""Our tables, and the questions we ask them."""

SEALED = (("source", "secrets"),)
"""What the vault sealed; `depesha secrets rotate` seals it again."""
