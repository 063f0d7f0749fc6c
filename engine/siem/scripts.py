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

REGEXP = (
    "int step(List edges, List also, int code, int[] now, int count, int[] next, int[] seen, "
    "int mark) { int made = 0; "
    "for (int i = 0; i < count; i++) { List own = (List) edges.get(now[i]); "
    "for (int j = 0; j < own.size(); j += 3) { "
    "if (code >= (int) own.get(j) && code <= (int) own.get(j + 1)) { "
    "int to = (int) own.get(j + 2); "
    "if (seen[to] != mark) { seen[to] = mark; next[made] = to; made++; "
    "for (def more : (List) also.get(to)) { int other = (int) more; "
    "if (seen[other] != mark) { seen[other] = mark; next[made] = other; made++; } } } } } } "
    "return made; } "
    "boolean taken(String text, List edges, List also, List first, List last) { "
    "int[] now = new int[edges.size()]; int[] next = new int[edges.size()]; "
    "int[] seen = new int[edges.size()]; int count = 0; int mark = 0; int at = 0; "
    "for (def state : first) { now[count] = (int) state; count++; } "
    "while (at < text.length() && count > 0) { int code = text.codePointAt(at); "
    "at += Character.charCount(code); mark++; "
    "count = step(edges, also, code, now, count, next, seen, mark); "
    "int[] held = now; now = next; next = held; } "
    "if (at < text.length()) return false; "
    "for (int i = 0; i < count; i++) { if (last.contains(now[i])) return true; } return false; } "
    "if (!doc.containsKey(params.field)) return false; "
    "for (def text : doc[params.field]) { "
    "if (taken(text, params.edges, params.also, params.first, params.last)) return true; } "
    "return false"
)
