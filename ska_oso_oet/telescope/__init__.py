"""The telescope as observing scripts see it."""
