"""The command line: composition root, exit codes, prompts, progress. Decides nothing about registries or plans."""
