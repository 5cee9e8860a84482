"""The dashboard: what operations and finance leaders look at."""
