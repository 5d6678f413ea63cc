"""Ordinary e-mail as a carrier: submission out (RFC 6409), mailbox or maildrop in (RFC 9051, RFC 1939)."""
