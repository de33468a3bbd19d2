"""Time limits of the client, in seconds; its README names those that a user waits for."""

from __future__ import annotations

CONNECT_TIMEOUT = 5.0
READ_TIMEOUT = 90.0
"""For an answer; a server takes at most 60 s beyond its ``OET_STOP_GRACE``, and that for a stop."""

SILENCE = 60.0
"""Without a byte on a stream, after which it counts as broken; the server comments every 15."""

PATIENCE = 60.0
"""For which following and waiting go on without a server."""
