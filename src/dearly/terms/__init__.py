"""The words of letters: folded, cut, stemmed and counted for the index, and the grammar of what is searched for."""
