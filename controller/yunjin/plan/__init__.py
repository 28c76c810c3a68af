"""Plans: how they are made, judged alike by their hash, written to files, counted, and read as drift."""

from yunjin.plan.document import from_json, plan_hash, to_json
from yunjin.plan.drift_items import DriftItem, DriftKind, drift, repair
from yunjin.plan.figures import Summary, summary
from yunjin.plan.make import make_leaf_plan, make_plan

__all__ = [
    "DriftItem",
    "DriftKind",
    "Summary",
    "drift",
    "from_json",
    "make_leaf_plan",
    "make_plan",
    "plan_hash",
    "repair",
    "summary",
    "to_json",
]
