// Backbone: see docs/overview.md.
