"""Every verb while something goes wrong, its result held against the server's own database."""
