"""where: the part of SQL that picks rasters by their attributes, parsed and judged here.

    condition   = term (OR term)*          term   = factor (AND factor)*
    factor      = NOT factor | ( condition ) | test
    test        = operand (= | <> | != | < | <= | > | >=) operand
                | operand [NOT] IN ( literal, … ) | operand [NOT] BETWEEN operand AND operand
                | operand [NOT] LIKE text [ESCAPE text] | operand IS [NOT] NULL
    operand     = name | literal | (UPPER | LOWER) ( name )
    name        = word | "any text"
    literal     = number | 'text' | moment [(+ | -) (days | INTERVAL 'number' unit)]
    moment      = (DATE | TIMESTAMP) '…' | CURRENT_DATE | CURRENT_TIMESTAMP
    unit        = DAY | HOUR | MINUTE | SECOND

Nothing is handed to a database, a shell or an evaluator. A condition is judged as SQL does, in
three values: true, false, and unknown (`None`) where an attribute has no value. Dates are UTC. A
text beside a number is read as a number or a date if it is one; else both are compared as texts.
"""

from __future__ import annotations

import time

from .conditions import Condition
from .parser import Parser
from .tokens import tokens_of


def parse_where(text: str, now: float | None = None) -> Condition:
    """The condition of a text.

    Args:
        text: of the grammar above.
        now: milliseconds since 1970, of CURRENT_TIMESTAMP; by the clock if not given.

    Raises:
        ValueError: it is no condition of this grammar, or has more than 10,000 characters, 5,000
            words and signs, 500 tests, 20 patterns or 50 levels.
    """
    return Parser(tokens_of(text), time.time() * 1000 if now is None else now).whole()
