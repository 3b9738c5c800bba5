"""Registries: how each kind is observed and written to.

Knows OCI documents, vendors and their quirks; knows nothing of desired state, plans being built, or text.
`base` holds what a vendor implements, one module each holds a vendor, and what all share stands once above
the store interface.
"""
