"""Redis: slot holds that expire by themselves.

A Redis that does not answer is `booking.errors.UpstreamUnavailable`; no other error of its client leaves this package.
"""
