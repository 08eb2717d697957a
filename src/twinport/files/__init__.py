"""The data folder as files: whether its disk can be written to, and which modes its files and folders have.

`disks` checks before a write, `private_files` after a creation. The bytes of layers are in twinport.blobs. May
import `logs` and lower layers.
"""
