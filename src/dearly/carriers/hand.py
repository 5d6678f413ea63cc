"""By hand: a sealed file to carry."""
