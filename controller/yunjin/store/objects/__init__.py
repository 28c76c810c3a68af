"""Where heads of the audit chain and backups are kept outside the state: in a folder, or in a bucket.

Used by `yunjin.ledger.heads`, by backups and by the command line. boto3 is imported in `s3` alone, and only
once a bucket is used.
"""

from yunjin.store.objects.contract import Lock, Mode, ObjectStore, Record
from yunjin.store.objects.place import open_objects

__all__ = ["Lock", "Mode", "ObjectStore", "Record", "open_objects"]
