"""What everything else is built from.

Components and their names, rows, columns, queries, penalties and threads.
"""
