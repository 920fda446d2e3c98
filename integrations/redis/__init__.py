"""Redis: slot holds that expire by themselves, pacing of API keys, change signals and the catalog cache.

Holds raise `booking.errors.UpstreamUnavailable` when Redis does not answer; the others carry on without it. No error of the Redis
client leaves this package.
"""
