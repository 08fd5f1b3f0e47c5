"""Model file -> HTTP: the original's API, a page to drop a photo on, and limits."""
