"""A small web of painted snakes on the loopback interface, in the wire formats of nine image-search providers."""

from fieldmark.demo.smallweb.pictures import cheap
from fieldmark.demo.smallweb.web import Expected, SmallWeb

__all__ = ["Expected", "SmallWeb", "cheap"]
