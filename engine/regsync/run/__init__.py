"""Composes the rooms: manifests and folders to desired state, observation, plan, approval, apply.

Knows registries only by their protocol; knows no vendor's details and prints nothing.
"""
