"""Declared state: the files of `tenants/`, read into an Estate and rewritten with their comments kept."""

from yunjin.estate.fields import field_place
from yunjin.estate.loader import load

__all__ = ["field_place", "load"]
