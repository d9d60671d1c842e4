"""The page of everything: `outputs/published/index.html`, one static file, no network."""
