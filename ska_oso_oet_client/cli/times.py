"""Times in the user's choice of zone: UTC, or local with the offset from it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone


@dataclass(frozen=True)
class Times:
    """Seconds since the epoch as text. In sentences UTC is named, in tables all times are UTC."""

    local: bool = False

    def to_the_second(self, seconds: float) -> str:
        return self._text(seconds, "seconds")

    def to_the_microsecond(self, seconds: float) -> str:
        return self._text(seconds, "microseconds")

    def in_a_sentence(self, seconds: float) -> str:
        text = self.to_the_second(seconds)
        return text if self.local else f"{text} UTC"

    def of_day(self, seconds: float) -> str:
        """Without the day, ``17:21:16Z``, or local with its offset."""
        time = self._text(seconds, "seconds").partition(" ")[2]
        return time if self.local else f"{time}Z"

    def of_a_line(self, seconds: float) -> str:
        """As records of logging have it, ``2026-11-29T15:07:45.802Z``."""
        text = self._text(seconds, "milliseconds").replace(" ", "T")
        return text if self.local else f"{text}Z"

    def day(self, seconds: float) -> str:
        return self._text(seconds, "seconds").partition(" ")[0]

    def read(self, text: str) -> float:
        """Seconds since the epoch of a time in the shown form.

        Raises ValueError for a text that is no time.
        """
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None and not self.local:
            moment = moment.replace(tzinfo=timezone.utc)
        try:
            return moment.timestamp()
        except (OverflowError, OSError) as error:
            raise ValueError(text) from error

    def _text(self, seconds: float, precision: str) -> str:
        try:
            moment = datetime.fromtimestamp(seconds, timezone.utc)
            moment = moment.astimezone() if self.local else moment.replace(tzinfo=None)
            return moment.isoformat(" ", precision)
        except (ValueError, OverflowError, OSError):
            return "beyond all calendars"
