"""Nouns: one module per thing on disk, with its path, version, reader and atomic writer."""
