"""The ways a sealed letter travels; each stands alone."""
