"""Leslie Smith's learning-rate papers, reproduced and judged against the author's own logs."""
