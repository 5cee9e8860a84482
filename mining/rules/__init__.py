"""The 32 conformance rules as named predicates over return lines, each with its stake.

A predicate says which lines break the rule; the stake says what that costs, by the formula in the
rule's text; the evidence names the events to look at. Exemptions by policy variant and site are
applied by ``judgement``. Money is in the currency of the log.
"""

from mining.rules import credit, stock, supplier, timing
from mining.rules.registry import Bench, Rule, registered

RULES: tuple[Rule, ...] = registered()
"""All rules by id; importing the four modules above registered them."""

__all__ = ["RULES", "Bench", "Rule", "credit", "stock", "supplier", "timing"]
