"""Child processes in which foreign bytes are parsed and opened, under limits of memory, time and files.

Two kinds of child stand here. An *opener* parses whatever comes from outside and holds no key. A *keyholder* holds our
own key and parses no mail. Between them sits the desk's process, which sees session keys and finished values only.
"""
