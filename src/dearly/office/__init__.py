"""The embedded post office, a small JMAP server: accepts, keeps and hands out sealed parcels. It never holds a key."""
