"""`sweep.yaml` as text -> `Sweep`, with errors for people.

`node` reads YAML with positions, `shape` and `keys` check keys and types (and are the JSON schema),
`data`, `grid` and `load` check that names resolve and parts agree.  The first error ends it: file,
line, key, what was found, what would be right.
"""

from harness.sweep_file.keys import sweep_schema
from harness.sweep_file.load import load_sweep

__all__ = ["load_sweep", "sweep_schema"]
