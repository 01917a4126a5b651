"""Who does the work of a campaign: this process alone, the workers of an executor, or those of a dask cluster."""
