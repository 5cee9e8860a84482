"""One module per family of endpoints; each offers ``router``."""
