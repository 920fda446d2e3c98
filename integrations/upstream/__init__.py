"""The shared base of all upstream adapters: audited calls with rate limit, circuit breakers and retries over one HTTP pool.

It imports no adapter family. What differs between them is passed in with each request or at construction.
"""
