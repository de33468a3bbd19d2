"""The event stream: listeners, replays, and limits for slow readers."""
