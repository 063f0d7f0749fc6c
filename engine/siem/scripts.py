"""The Painless scripts that emitted queries use, for what no query can say.

They read doc values, which the normalizer has put in lower case. Fields and values come in as
parameters, so each script is compiled once by the cluster.
"""

from __future__ import annotations

COMPARE = (
    "if (!doc.containsKey(params.field)) return false; "
    "for (def text : doc[params.field]) { "
    "try { double number = Double.parseDouble(text); "
    "if (params.order == 'lt' && number < params.number) return true; "
    "if (params.order == 'lte' && number <= params.number) return true; "
    "if (params.order == 'gt' && number > params.number && number != Double.POSITIVE_INFINITY) "
    "return true; "
    "if (params.order == 'gte' && number >= params.number && number != Double.POSITIVE_INFINITY) "
    "return true; "
    "} catch (NumberFormatException e) { } } return false"
)

REFERENCE = (
    "if (!doc.containsKey(params.field) || !doc.containsKey(params.other)) return false; "
    "for (def one : doc[params.field]) { for (def two : doc[params.other]) { "
    "if (params.how == 'equal' && one.equals(two)) return true; "
    "if (params.how == 'prefix' && one.startsWith(two)) return true; "
    "if (params.how == 'suffix' && one.endsWith(two)) return true; "
    "if (params.how == 'within' && one.contains(two)) return true; "
    "} } return false"
)

TIME_PART = (
    "if (!doc.containsKey(params.field)) return false; "
    "for (def time : doc[params.field]) { int found = 0; "
    "if (params.part == 'minute') found = time.getMinute(); "
    "else if (params.part == 'hour') found = time.getHour(); "
    "else if (params.part == 'day') found = time.getDayOfMonth(); "
    "else if (params.part == 'week') found = time.get(IsoFields.WEEK_OF_WEEK_BASED_YEAR); "
    "else if (params.part == 'month') found = time.getMonthValue(); "
    "else found = time.getYear(); "
    "if (found == params.number) return true; } return false"
)
