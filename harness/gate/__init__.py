"""A gate: the last good build beside tonight's, in the same blocks, and what follows from it."""
