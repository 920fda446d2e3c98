"""Runs the operations that Healthie's guides print, or that others wrote, against an emulator in this process.

reading.py    pages and files → operations
values.py     an operation → variables from what the emulator holds
running.py    an operation → whether it is valid, in which dialect, and what became of it
table.py      results → the table in docs/emulator.md
"""
