"""Sources: charts from chart repositories and other registries, read and never written.

Knows how they are listed and fetched; knows nothing of manifests, desired state or plans.
"""
