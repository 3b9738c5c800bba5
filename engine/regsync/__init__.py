"""Plan and apply for OCI registries of Palette packs and Helm charts."""

__version__ = "0.1.0"
