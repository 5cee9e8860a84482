"""One file per question the dashboard answers."""
