"""The commands, one file for each group of them. A command reads what is given, calls one verb, shows its value."""
