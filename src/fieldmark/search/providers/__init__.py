"""One site, one file: how to ask it, and how to read what it answers. No network in here."""
