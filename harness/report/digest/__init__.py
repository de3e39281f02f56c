"""The morning page: what a night's sessions say, what is wrong, and the next step for each."""
