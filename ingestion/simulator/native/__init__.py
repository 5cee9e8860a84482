"""Native files: each source system writes what it alone knows, in its own format."""
