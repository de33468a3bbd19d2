"""A script with a mistake, to show a failure."""


def main(antennas: int = 0) -> None:
    """Divide the work between antennas."""
    print("Dividing 64 scans between the antennas")
    print(f"Each antenna takes {64 / antennas} scans")
