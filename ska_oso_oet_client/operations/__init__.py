"""What can be asked of an OET, by subject; ``OETClient`` is all of it together."""
