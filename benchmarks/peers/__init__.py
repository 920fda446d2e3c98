"""Compares the gateway with other ways to answer the same questions: `python -m benchmarks.peers.run`."""
