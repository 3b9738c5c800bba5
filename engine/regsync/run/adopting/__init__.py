"""From what is live, or from a folder of packs, to manifests: read, judged, written. Knows no vendor and never writes to a
registry."""
