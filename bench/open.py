#!/usr/bin/env python3
"""Open a big channel with forge and with py-rattler's lazy reader: CPU and memory until one name is read.

    bench/open.py bin/forge CHANNEL NAME [PYTHON]

forge's figures are those of a process that ends with a solution for NAME, less what the same costs with
an empty channel: cold without any cache, warm with its index cached. py-rattler's are without the start of Python
and its import: it is lazy as well and keeps no index. The order is A B B A, three times; medians count.
"""
import os, statistics, sys, tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from solve import run

RATTLER = r'''
import json, resource, sys
from rattler import Channel, PackageName, SparseRepoData
def usage():
    r = resource.getrusage(resource.RUSAGE_SELF)
    return r.ru_utime + r.ru_stime, r.ru_maxrss / 1024
folder, name = sys.argv[1:]
before = usage()
data = [SparseRepoData(Channel("file://" + folder), s, f"{folder}/{s}/repodata.json") for s in ("linux-64", "noarch")]
found = [r for d in data for r in d.load_records(PackageName(name))]
after = usage()
print(json.dumps({"cpu": after[0] - before[0], "peak": after[1], "found": len(found)}))
'''


def main(forge, channel, name, python=sys.executable):
    channel = os.path.abspath(channel)
    size = sum(os.path.getsize(f"{channel}/{s}/repodata.json") for s in ("linux-64", "noarch")) / 1e6
    cold, warm, lazy, start = [], [], [], []
    with tempfile.TemporaryDirectory() as work:
        requests = work + "/requests"
        with open(requests, "w") as f:
            f.write(name + "\n")

        def mine():
            start.append(run([forge, "solve", "-c", work, "--platform", "linux-64", "--requests", requests])[1:])
            with tempfile.TemporaryDirectory() as cache:
                for times in (cold, warm):
                    rows, cpu, peak = run([forge, "solve", "-c", channel, "--platform", "linux-64", "--requests", requests],
                                          dict(os.environ, FORGE_CACHE=cache))
                    if rows[0]["verdict"] != "sat":
                        sys.exit(f"{name}: {rows[0]['explanation']}")
                    times.append((cpu, peak))

        def theirs():
            row = run([python, "-c", RATTLER, channel, name])[0][0]
            if not row["found"]:
                sys.exit(f"py-rattler found no {name}")
            lazy.append((row["cpu"], row["peak"]))

        for _ in range(3):
            mine(), theirs(), theirs(), mine()
    figure = lambda times: (statistics.median(t[0] for t in times) * 1000, max(t[1] for t in times))
    a, w, b, begin = figure(cold), figure(warm), figure(lazy), figure(start)[0]
    print(f"opening {size:.0f} MB of repodata, {len(cold)} times each, in ms of CPU and MB at the peak:")
    print(f"forge      {a[0]-begin:.0f} cold, {w[0]-begin:.0f} warm, {a[1]:.0f} MB; its start took another {begin:.0f}")
    print(f"py-rattler {b[0]:.0f}, {b[1]:.0f} MB")
    print(f"ratio      {(a[0]-begin)/b[0]:.2f} cold, {(w[0]-begin)/b[0]:.2f} warm, {a[1]/b[1]:.2f} of the memory")


if __name__ == "__main__":
    main(*sys.argv[1:])
