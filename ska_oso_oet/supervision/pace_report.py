"""Reads a script's reports of its pace, which may be forged: what is not as it should be is dropped. Pure."""

from __future__ import annotations

from typing import Any

_LONGEST = 200  #: characters of a text
_MOST_CHECKPOINTS = 50
_MOST_COMMANDS = 500
_LARGEST = 1e15  #: the largest number, which every client reads as it is


def checked(report: dict[str, Any]) -> dict[str, Any]:
    """The report with its known fields in their known forms."""
    known: dict[str, Any] = {}
    progress, estimate = report.get("progress"), report.get("estimate")
    if isinstance(progress, dict) and _are_numbers(progress, "done", "time"):
        of = progress.get("of")
        known["progress"] = {
            "done": progress["done"],
            "of": of if _is_number(of) else None,
            **{name: _text(progress.get(name)) for name in ("unit", "text")},
            "time": progress["time"],
        }
    if isinstance(estimate, dict) and _are_numbers(estimate, "seconds") and estimate["seconds"] > 0:
        seconds = estimate["seconds"]
        known["estimate"] = {"seconds": seconds, "low": None, "high": None, "source": "script", "runs": None}
    places = report.get("checkpoints")
    if isinstance(places, list):
        passed = (_place(place) for place in places[:_MOST_CHECKPOINTS] if isinstance(place, dict))
        known["checkpoints"] = [place for place in passed if place is not None]
    dry_run = report.get("dry_run")
    if isinstance(dry_run, dict) and _are_numbers(dry_run, "seconds"):
        commands = dry_run.get("commands")
        known["dry_run"] = {
            "seconds": dry_run["seconds"],
            "commands": [
                {
                    **{name: command[name] for name in ("after", "seconds")},
                    **{name: _text(command.get(name)) for name in ("device", "command")},
                }
                for command in (commands if isinstance(commands, list) else [])[:_MOST_COMMANDS]
                if isinstance(command, dict) and _are_numbers(command, "after", "seconds")
            ],
        }
    return known


def _place(place: dict[str, Any]) -> dict[str, Any] | None:
    if not _are_numbers(place, "time", "passes") or not isinstance(place.get("name"), str):
        return None
    counts = {name: place[name] if isinstance(place.get(name), int) else None for name in ("n", "of")}
    return {"name": _text(place["name"]), **counts, "time": place["time"], "passes": int(place["passes"])}


def _are_numbers(found: dict[str, Any], *names: str) -> bool:
    return all(_is_number(found.get(name)) for name in names)


def _is_number(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return abs(value) <= _LARGEST  # also false for no number at all


def _text(value: Any) -> str:
    return value[:_LONGEST] if isinstance(value, str) else ""
