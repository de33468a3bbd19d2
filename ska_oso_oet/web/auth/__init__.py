"""Authentication by bearer tokens of OpenID providers, and the two permissions, read and execute."""
