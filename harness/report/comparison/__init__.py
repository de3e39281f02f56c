"""Two result folders, or parts of one, set against each other: what differs, and by how much."""
