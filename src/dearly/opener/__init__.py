"""Child processes in which foreign bytes are parsed and opened, under limits of memory, time and files."""
