"""What runs, soaks and sweeps have come to, as one page: read strictly, counted, drawn, written as HTML, Markdown, CSV."""
