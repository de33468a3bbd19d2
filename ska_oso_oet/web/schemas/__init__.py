"""The shapes of the REST API, for validation and for the OpenAPI document."""
