"""What every page of kstress has: templates, style, pictures that stand in it or are written for slides."""
