"""Imaging needs only what all services have."""

from chassis.settings import Settings

__all__ = ["Settings"]
