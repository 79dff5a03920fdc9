"""What scoring prints and writes: tables, plots, pages."""
