"""Processing of every request before and after its view: base path, limits, audit, timing, errors."""
