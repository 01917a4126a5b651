"""What runs, soaks and sweeps have come to: counted, drawn, written as HTML, Markdown and CSV."""
