// Corpus: see docs/overview.md.
