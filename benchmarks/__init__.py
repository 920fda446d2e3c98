"""What Frontdoor costs, measured: `python -m benchmarks.run` measures, `python -m benchmarks.report` writes it down."""
