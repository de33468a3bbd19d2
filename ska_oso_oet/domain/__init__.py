"""What a procedure is and which rules hold for it: pure, standard library only, no I/O and no clock."""
