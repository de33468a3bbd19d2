"""astropy, offline."""

import time

from astropy import units
from astropy.coordinates import AltAz, EarthLocation, SkyCoord
from astropy.io import fits
from astropy.time import Time
from astropy.utils import iers
from marks import Marks

iers.conf.auto_download = False
SITE = EarthLocation.from_geodetic(21.44 * units.deg, -30.71 * units.deg, 1050 * units.m)


def main(folder, seconds):
    marks = Marks(folder)
    target = SkyCoord(83.6 * units.deg, 22.0 * units.deg)
    marks.begun("main")
    try:
        marks.here()
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            target.transform_to(AltAz(obstime=Time("2026-01-01T00:00:00"), location=SITE))
    finally:
        fits.PrimaryHDU([[1, 2], [3, 4]]).writeto(f"{folder}/data.fits")
        marks.cleaned("main")
