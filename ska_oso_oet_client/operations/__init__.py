"""Operations of an OET, by subject; ``OETClient`` has all of them."""
