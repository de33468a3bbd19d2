"""A script with a mistake in it, to see what a failure looks like."""


def main(antennas: int = 0) -> None:
    """Divide the work between antennas."""
    print("Dividing 64 scans between the antennas")
    print(f"Each antenna takes {64 / antennas} scans")
