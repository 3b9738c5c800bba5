"""Lets `python -m regsync` do what the `regsync` program does."""

from __future__ import annotations

from regsync.cli.main import main

main()
