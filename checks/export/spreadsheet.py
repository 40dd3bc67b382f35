"""Writes a table as LibreOffice saves it where the comma is in numbers: a third of its rows.

The first argument names the table, the second the file to write.
"""

import csv
import re
import sys

with open(sys.argv[1], encoding="utf-8-sig", newline="") as table:
    head, *rows = csv.reader(table, strict=True)
completed, due = head.index("completed"), head.index("due")
for row in rows:
    row[completed] = row[completed].upper()
    # Only what it takes for a time. It does not know those with an offset.
    row[due] = re.sub(r"T([\d:.]+)$", r" \1", row[due])
with open(sys.argv[2], "w", encoding="utf-8", newline="") as file:
    # In quotes, because Python writes a lone CR without them.
    writer = csv.writer(file, delimiter=";", lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerows([head, *rows[::3]])
