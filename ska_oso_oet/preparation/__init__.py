"""Gets a script from git and builds its environment. Runs in the script's process, before the script."""
