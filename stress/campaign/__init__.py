"""Campaigns: many runs, each in a process of its own; what they learn is on the disk, whatever happens.

One base for all campaigns, in the order in which a job meets them:

* `workers/`: who does tasks, here or on other hosts; `nursery` forks the machine's processes, `child` holds one,
  `pipes` is what they say to each other, `memory` tells a want of memory;
* `records` and `identity`: what is written down of scenarios and sources; `converter` turns records into JSON and back;
* `journal` and `folder` write a run directory, `rundir` and `reading` read one, `life` says whether it still runs;
  `runs` checks the JSON of a run.

`soak/` and `sweep/`, with its searches, say which jobs there are, what becomes of their results, and what is shown.
"""
