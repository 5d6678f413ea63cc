"""Ordinary e-mail as a carrier: submission out (RFC 6409), mailbox or maildrop in (RFC 9051, RFC 1939).

The way out, from the wire up: `tls` (whom to trust), `replies` (what an answer means; pure), `line` (commands out,
complete replies in), `signing` (who we are), `transaction` (one letter to one recipient, and our own copy),
`collection` (many letters over one line), `submission` (the face: threads and secrets).
"""
