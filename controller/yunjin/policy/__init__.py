"""Rules: what one is, what it reads, and running them over an estate and a plan.

Used by `yunjin_policies`, which holds the rules, and by whoever composes the spine; calls `yunjin.model`.
"""

from yunjin.policy.engine import judge, run
from yunjin.policy.rule import Breach, Facts, Figures, Lack, LedgerFacts, Rule, Scope, rule

__all__ = ["Breach", "Facts", "Figures", "Lack", "LedgerFacts", "Rule", "Scope", "judge", "rule", "run"]
