"""The one encrypted SQLite file of a person. All SQL of the desk lives here."""
