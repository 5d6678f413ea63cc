"""Letters to bytes and back (RFC 5322, 2045-2049, 3156, 9788). No I/O, no keys."""
