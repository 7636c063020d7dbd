"""What a monitoring system asks a daemon for: its metrics, and whether it is healthy and ready."""
