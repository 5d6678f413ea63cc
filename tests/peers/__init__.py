"""Real programs that others use: each must read what we write, and we what they write."""
