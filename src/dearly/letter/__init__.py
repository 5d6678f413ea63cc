"""The words of the domain as frozen values and pure rules. Standard library only: no I/O, no clock, no randomness."""
