"""Catalog -> what one sees of a harvest: a live table, a table at the end, a page with thumbnails."""
