"""One module for each part of the REST API: its routes, and nothing else."""
