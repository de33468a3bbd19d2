"""gunicorn's worker: slow, silent and many clients cost no thread."""
