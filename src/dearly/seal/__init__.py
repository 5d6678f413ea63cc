"""OpenPGP over bytes (RFC 9580, RFC 9980). Knows neither mail nor database."""
