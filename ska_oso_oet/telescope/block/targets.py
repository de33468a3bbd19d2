"""Targets: directions on the sky in their own frame, and the pattern of pointings around them."""

from __future__ import annotations

import dataclasses
import math
import re
from typing import Any

from .reading import Reader

_SEXAGESIMAL = re.compile(r"([+-]?)(\d{1,3})[:h°d ]\s*(\d{1,2})[:m' ]\s*(\d{1,2}(?:\.\d*)?)[s\"]?")
_SOLAR_SYSTEM = ("Sun", "Moon", "Mercury", "Venus", "Mars", "Jupiter", "Saturn", "Uranus", "Neptune")
_LIMITS = {"icrs": (-90.0, 90.0), "galactic": (-90.0, 90.0), "altaz": (0.0, 90.0)}
_FARTHEST = 18_000  #: arc seconds from the target
_ARCSEC = math.pi / 180 / 3600


@dataclasses.dataclass(frozen=True, kw_only=True)
class Target:
    """A direction, and the offsets of a five-point pattern around it."""

    id: str
    name: str
    frame: str  #: ``icrs``, ``galactic``, ``altaz`` or ``special``
    attributes: dict[str, float]  #: ``c1`` and ``c2`` in degrees, and others by their names in the interface
    five_point: float = 0.0  #: arc seconds; 0: one pointing

    def field(self) -> dict[str, Any]:
        """Return the direction as the interfaces since 2025 have it."""
        field: dict[str, Any] = {"target_name": self.name, "reference_frame": self.frame}
        return field | ({"attrs": self.attributes} if self.attributes else {})


def read_target(reader: Reader) -> Target:
    """Read one of the targets of a block.

    :raises BlockError: if it is incomplete, or a part of it is not understood
    """
    identifier = reader.text("target_id")
    name = reader.text("name") if reader.raw("name") else identifier
    frame, attributes, named = _direction(reader.object("reference_coordinate"))
    attributes |= _radial_velocity(reader) if frame in ("icrs", "galactic") else {}
    five_point = _pattern(reader, frame, attributes)
    beams = reader.raw("tied_array_beams")
    if beams and not (isinstance(beams, dict) and not any(beams.values())):
        reader.refuse("asks for beams of pulsars, which are not observed", "tied_array_beams")
    reader.harmless("radial_velocity")
    reader.close()
    return Target(
        id=identifier, name=named or name, frame=frame, attributes=attributes, five_point=five_point
    )


def _direction(coordinate: Reader) -> tuple[str, dict[str, float], str]:
    kind = coordinate.text("kind")
    named = ""
    if kind in ("icrs", "equatorial"):
        frame = "icrs"
        attributes = _equatorial(coordinate)
    elif kind == "galactic":
        frame, attributes = kind, {"c1": coordinate.number("l"), "c2": coordinate.number("b")}
        _refuse_motion(coordinate, "pm_l", "pm_b")
    elif kind in ("altaz", "horizontal"):
        frame, attributes = "altaz", {"c1": coordinate.number("az"), "c2": coordinate.number("el")}
    elif kind == "special":
        frame, attributes, named = kind, {}, _solar_system(coordinate)
    else:
        coordinate.refuse(f"must be icrs, equatorial, galactic, altaz or special, not {kind[:40]!r}", "kind")
    if attributes:
        least, most = _LIMITS[frame]
        if not 0 <= attributes["c1"] < 360 or not least <= attributes["c2"] <= most:
            coordinate.refuse("is no direction: its angles are out of range")
    coordinate.harmless("unit", "reference_frame")
    coordinate.close()
    return frame, attributes, named


def _equatorial(coordinate: Reader) -> dict[str, float]:
    stated = coordinate.raw("reference_frame") or "icrs"
    if str(stated).lower() != "icrs":
        coordinate.refuse(f"must be icrs, not {str(stated)[:40]!r}", "reference_frame")
    units = coordinate.raw("unit") or ["hourangle", "deg"]
    if units not in (["hourangle", "deg"], ["deg", "deg"], "deg"):
        coordinate.refuse(f"must be hourangle and deg, or deg, not {str(units)[:40]!r}", "unit")
    if not coordinate.has("unit") and coordinate.text("kind") == "icrs" and not _is_text(coordinate, "ra"):
        coordinate.refuse("has a right ascension that is a number, and no unit; write ra_str", "ra")
    hours = units == ["hourangle", "deg"]
    attributes = {"c1": _angle(coordinate, "ra", hours), "c2": _angle(coordinate, "dec", False)}
    if coordinate.has("epoch"):
        attributes["epoch"] = coordinate.number("epoch")
    _refuse_motion(coordinate, "pm_ra", "pm_dec", "parallax")
    return attributes


def _angle(coordinate: Reader, name: str, hours: bool) -> float:
    """An angle in degrees; a right ascension is in hours unless the block says degrees."""
    key = f"{name}_str" if coordinate.has(f"{name}_str") else name
    if not isinstance(coordinate.raw(key), str):
        return coordinate.number(key) * (15 if hours else 1)
    text = coordinate.text(key).strip()
    parts = _SEXAGESIMAL.fullmatch(text)
    if parts is None or int(parts[3]) >= 60 or float(parts[4]) >= 60:
        coordinate.refuse(f"must be an angle such as 13:37:00.919, not {text[:40]!r}", key)
    value = int(parts[2]) + int(parts[3]) / 60 + float(parts[4]) / 3600
    return (-value if parts[1] == "-" else value) * (15 if hours else 1)


def _is_text(coordinate: Reader, name: str) -> bool:
    return any(isinstance(coordinate.raw(key), str) for key in (name, f"{name}_str"))


def _refuse_motion(coordinate: Reader, *keys: str) -> None:
    # The unit of TMC's attributes is not the block's with certainty.
    for key in keys:
        if coordinate.raw(key):
            coordinate.refuse(
                "other than 0 cannot be passed on with certainty; give a direction of today", key
            )


def _solar_system(coordinate: Reader) -> str:
    name = coordinate.text("name")
    for known in _SOLAR_SYSTEM:
        if name.lower() == known.lower():
            return known
    coordinate.refuse(f"must be one of {', '.join(_SOLAR_SYSTEM)}, not {name[:40]!r}", "name")


def _radial_velocity(reader: Reader) -> dict[str, float]:
    if not reader.has("radial_velocity"):
        return {}
    velocity = reader.object("radial_velocity")
    if not velocity.has("quantity"):
        return {}
    quantity = velocity.object("quantity")
    value = quantity.number("value")
    unit = "".join(quantity.text("unit").split())
    if unit not in ("km/s", "m/s"):
        quantity.refuse(f"must be km / s or m / s, not {unit[:40]!r}", "unit")
    return {"radial_velocity": value * (1000 if unit == "km/s" else 1)} if value else {}


def _pattern(reader: Reader, frame: str, attributes: dict[str, float]) -> float:
    """Apply the active pattern to a direction; return the offset of a five-point one."""
    if not reader.has("pointing_pattern"):
        return 0.0
    pattern = reader.object("pointing_pattern")
    active = pattern.text("active")
    chosen = [part for part in pattern.objects("parameters") if part.raw("kind") == active]
    if len(chosen) != 1:
        pattern.refuse(f"names {active[:40]!r}, which is not one of its parameters", "active")
    parameters = chosen[0]
    if active == "FivePointParameters":
        offset = parameters.number("offset_arcsec")
        parameters.close()
        if offset <= 0:
            parameters.refuse("must be more than 0", "offset_arcsec")
        return offset
    if active == "SinglePointParameters":
        x, y = parameters.number("offset_x_arcsec"), parameters.number("offset_y_arcsec")
    elif active == "PointedMosaicParameters":
        x, y = _only_offset(parameters)
    else:
        parameters.refuse(
            f"{active[:40]} is not observed; single points, five points and mosaics of one are", "kind"
        )
    parameters.close()
    if max(abs(x), abs(y)) > _FARTHEST:
        parameters.refuse(f"has an offset of more than {_FARTHEST} arcsec")
    if x or y:
        if frame not in ("icrs", "galactic"):
            parameters.refuse(f"has an offset, which a target in {frame} cannot have")
        _move(attributes, x, y)
    return 0.0


def _only_offset(parameters: Reader) -> tuple[float, float]:
    offsets = parameters.objects("offsets")
    if parameters.raw("units") not in (None, "arcsec"):
        parameters.refuse("must be arcsec", "units")
    if len(offsets) != 1:
        parameters.refuse(f"has {len(offsets)} pointings; mosaics of one pointing are observed", "offsets")
    return offsets[0].number("x"), offsets[0].number("y")


def _move(attributes: dict[str, float], x: float, y: float) -> None:
    """Move a direction by offsets in arc seconds, in the orthographic projection about it (SIN)."""
    longitude, latitude = math.radians(attributes["c1"]), math.radians(attributes["c2"])
    east, north = x * _ARCSEC, y * _ARCSEC
    towards = math.sqrt(1 - east**2 - north**2)
    sine = north * math.cos(latitude) + towards * math.sin(latitude)
    turned = math.atan2(east, towards * math.cos(latitude) - north * math.sin(latitude))
    attributes["c1"] = round(math.degrees(longitude + turned) % 360, 10) % 360
    attributes["c2"] = round(math.degrees(math.asin(sine)), 10)
