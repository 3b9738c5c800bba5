"""Packs and charts: content digest, deterministic archive, index of archives, file diff and lint. Knows no HTTP."""
