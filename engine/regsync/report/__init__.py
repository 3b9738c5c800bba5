"""Reports: plans, outcomes, diagnostics and errors as text, Markdown, JSON, annotations and events.

Knows the wording and the layout; knows no terminal, no file and no clock, and computes nothing that the model does
not already say.
"""
