"""The version of this package, in the one place that the build and the artifacts read."""

__version__ = "0.1.0.dev0"
