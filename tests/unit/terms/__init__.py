"""The words of letters."""
