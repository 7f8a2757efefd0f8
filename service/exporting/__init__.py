"""Reading all there is at an EHR in bulk, by Bulk Data `$export`: what `load` does with files on the disk.

Read in this order: `exporter` (what it takes, and what came of it), `taking_up` (begun, or gone on with),
`waiting` (until the server is ready), `reading` (its files), `deletions`, `troubles` (what went wrong there),
`run` (one after the other, and the end).
"""

from service.exporting.exporter import Exported, Exporter
from service.exporting.run import run

__all__ = ["Exported", "Exporter", "run"]
