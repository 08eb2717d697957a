"""The servers that are measured: a module for each, and how all of them run."""
