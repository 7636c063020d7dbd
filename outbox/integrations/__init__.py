"""Ways into the outbox for applications of other libraries; each names what must be installed for it."""
