"""Plays of causes, for docs/operations.md, from the cause to the line."""
