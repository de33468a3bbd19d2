"""Say hello from a repository."""


def main() -> None:
    """Called when the procedure is started."""
    print("hello")
