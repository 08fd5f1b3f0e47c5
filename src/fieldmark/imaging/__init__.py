"""Pixels in memory: no disk, no network, no torch."""
