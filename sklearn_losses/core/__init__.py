"""What everything else is built from: components and their names, rows, columns, queries, penalties, threads."""
