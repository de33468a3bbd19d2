"""Say hello, as the smallest script does."""


def init(subarray_id: int = 1) -> None:
    """Called once when the procedure is created."""
    print(f"Prepared for subarray {subarray_id}")


def main(name: str = "world") -> None:
    """Called when the procedure is started."""
    print(f"Hello, {name}!")
