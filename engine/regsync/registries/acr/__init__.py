"""Azure Container Registry: its logins, and what it does by an API of its own."""
