"""The frozen types that all rooms share: references, contents, states, plan, outcome, events.

Knows the words of the field and nothing else: no I/O, no third parties, no vendor.
"""
