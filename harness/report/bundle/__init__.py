"""Result folders as one archive to cite: scrubbed, bound by hashes, the same bytes every time."""
