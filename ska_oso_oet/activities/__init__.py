"""Activities: from a scheduling block in the archive to a procedure that observes it."""
