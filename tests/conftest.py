"""What holds for every test: no figure of time decides over passing, also not hypothesis's own."""

from hypothesis import settings

settings.register_profile("dearly", deadline=None)
settings.load_profile("dearly")
