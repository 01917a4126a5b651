"""The results of runs, soaks and sweeps: counted, drawn, written as HTML, Markdown and CSV."""
