"""The foundations of the package, which import no other part of it.

Components and their names, rows, columns, queries, penalties and threads.
"""
