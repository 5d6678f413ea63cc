"""The office, and providers that speak JMAP."""
