"""Portcullis from Python: calls, and a cache of sessions that hears of every revocation. Standard library only."""

from .asgi import Guard
from .cache import SessionCache
from .client import Client, Problem, Unavailable
from .follower import Denied, Follower

__all__ = ["Client", "Denied", "Follower", "Guard", "Problem", "SessionCache", "Unavailable"]
