"""Loading files: what is in them is stored chunk by chunk, then every record that changed is judged once.

Read in this order: `files` (which files, and the pieces in them), `chunks` (pieces decoded, a transaction's
worth at a time), `load` (storing, judging, and the summary).
"""

from service.loading.chunks import Limits
from service.loading.files import FeedFile, Opened, Readable, Rejection, find_files
from service.loading.load import Loader, Summary, ensure_source

__all__ = [
    "FeedFile",
    "Limits",
    "Loader",
    "Opened",
    "Readable",
    "Rejection",
    "Summary",
    "ensure_source",
    "find_files",
]
