"""The OET beside its peers: `make bench-peers`."""
