"""The HTTP room: webhooks, REST, health and metrics."""
