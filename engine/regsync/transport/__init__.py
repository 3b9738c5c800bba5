"""Transport: HTTP for all rooms - logins, tokens, credentials, retries, limits, proxies, TLS, redaction, read-only mode.

Knows the registry protocol's way of asking for a login and of reporting errors; knows no vendor, no OCI document and no
plan.
"""
