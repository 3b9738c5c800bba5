"""Palette's API: resolves, validates, registers, synchronizes and confirms. Knows no planner, and of registries only what
Palette says of them."""
