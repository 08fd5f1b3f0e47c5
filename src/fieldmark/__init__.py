"""Fieldmark: from a folder of photos to an image classifier you can trust and put online."""

from fieldmark.version import __version__

__all__ = ["__version__"]
