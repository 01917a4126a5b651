"""What runs, soaks and sweeps have come to: read strictly, counted, drawn, written as HTML, Markdown and CSV."""
