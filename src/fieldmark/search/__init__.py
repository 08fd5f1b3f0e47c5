"""Queries -> candidates: pictures somebody says exist, and where."""
