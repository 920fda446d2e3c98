"""What the adapters of any system of record stand on: calls on record, at a pace, behind breakers, over one HTTP pool.

It knows no family of adapters: what differs between them is handed in, with each request or where a part is built.
"""
