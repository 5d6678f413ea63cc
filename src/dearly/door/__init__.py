"""The door of the drawer: the Unix socket by which the process that holds a drawer serves the command line.

`server` is the owner's side, `client` the thin client's, `frames` what travels between them, `place` where they meet,
`terminal` the terminal of this process. The room knows letters only: what a command does is handed in as a callable.
"""
