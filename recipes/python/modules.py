"""Imports the whole standard library but for what this package leaves out and what is another system's."""

import importlib
import sys

left_out = {"_dbm", "_gdbm", "_tkinter", "ensurepip", "idlelib", "nis", "tkinter", "turtle", "turtledemo"}
windows = {"_msi", "_overlapped", "_winapi", "msilib", "msvcrt", "nt", "winreg", "winsound"}
others = {"_scproxy", "antigravity", "this"}

missing = {}
for name in sorted(sys.stdlib_module_names - left_out - windows - others):
    try:
        importlib.import_module(name)
    except ImportError as e:
        missing[name] = e
assert not missing, missing
