"""The office's second store: PostgreSQL, for several nodes over one database (docs/office.md)."""
