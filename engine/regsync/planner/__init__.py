"""Desired state and live state become a plan: changes, guards, stages. Pure: no I/O, no vendor, no text layout."""
