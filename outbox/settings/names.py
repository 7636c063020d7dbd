"""The names of all settings, for who looks for them in a place and needs no model of them.

The model is what they are; a test holds these to be its own.
"""

PREFIX = "OUTBOX_"
"""What the variable of a setting begins with; the name follows in capital letters."""

NAMES = (
    "database_url", "connections", "poll_interval", "lease_ttl", "retry_base", "retry_cap",
    "doubt_pause", "state_dir", "keep_bodies", "keep_finished", "log_level", "log_format",
    "log_addresses", "log_address_key", "metrics_listen", "relay_name", "streams", "environment",
    "redirect_all_to", "allowed_domains", "storm_limit", "storm_period", "smtp_host",
    "smtp_protocol", "smtp_tls", "smtp_port", "smtp_ca_file", "smtp_tls_name", "smtp_client_cert",
    "smtp_client_key", "smtp_hello", "smtp_pipelining", "smtp_dsn_notify", "smtp_dsn_return",
    "smtp_idempotency_header", "smtp_rate", "smtp_burst", "smtp_quota", "smtp_source", "smtp_idle",
    "smtp_age", "smtp_mails_per_connection", "smtp_password", "smtp_token_file",
    "smtp_token_command", "smtp_auth", "smtp_username", "smtp_allow_plaintext_auth", "relays",
    "dkim", "sender", "templates", "translations", "max_size",
)  # fmt: skip
"""In the order of the model."""
