"""Amazon ECR, private and public: its logins, its API and what it asks of IAM; beneath it lies an OCI registry."""
