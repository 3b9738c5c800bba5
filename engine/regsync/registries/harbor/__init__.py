"""Harbor: a distribution server with an API for projects and lists. Knows Harbor's words; decides nothing."""
