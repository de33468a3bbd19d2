"""What the commands of one version of TMC must hold, written down apart from their sender.

A key that is not here is refused, as the telescope does. Sources: the public command payloads
of the Mid integration facility (2026), the Low integration tests, and the rules of both correlators.
"""
