"""The running program: the one composition root, what processes share, the worker, logs and clocks."""
