#!/usr/bin/env python3
"""Solve the same requests with forge and with py-rattler; compare verdicts, records, CPU and memory.

    bench/solve.py bin/forge CHANNEL REQUESTS [PYTHON]

CHANNEL is a folder with linux-64/ and noarch/repodata.json, REQUESTS has one request a line with specs
separated by ';', PYTHON is an interpreter that has py-rattler. For ../shared/universe/spack8 unpack its
*.repodata.json.zst there first; it is a derived universe and results must say so. Both are measured
warm: forge with its index cached, py-rattler in the second of two rounds, lazily loaded. The order is
forge, py-rattler, py-rattler, forge; of the two times of a request the lower counts, for both.
"""
import json, os, statistics, subprocess, sys, tempfile

RATTLER = r'''
import asyncio, json, resource, sys
from rattler import BuildString, Channel, ChannelPriority, GenericVirtualPackage, MatchSpec, PackageName, SparseRepoData, Version
from rattler import solve_with_sparse_repodata
def cpu():
    r = resource.getrusage(resource.RUSAGE_SELF)
    return r.ru_utime + r.ru_stime
async def main(folder, requests, *virtual):
    data = [SparseRepoData(Channel("file://" + folder), s, f"{folder}/{s}/repodata.json") for s in ("linux-64", "noarch")]
    machine = [GenericVirtualPackage(PackageName(n), Version(v), BuildString(b)) for n, v, b in (x.split("=") for x in virtual)]
    lines = [l.strip() for l in open(requests) if l.strip()]
    for last in (False, True):
        for line in lines:
            t = cpu()
            try:
                got = await solve_with_sparse_repodata([MatchSpec(s) for s in line.split(";")], data,
                    channel_priority=ChannelPriority.Strict, virtual_packages=machine)
                row = {"verdict": "sat", "records": sorted(f"{r.name.normalized} {r.version} {r.build}" for r in got)}
            except Exception as e:
                row = {"verdict": "unsat", "records": [], "explanation": str(e)}
            row["cpu_s"] = cpu() - t
            if last:
                print(json.dumps(row))
asyncio.run(main(*sys.argv[1:]))
'''
VIRTUAL = ["__unix=0=0", "__linux=6.1=0", "__glibc=2.36=0", "__archspec=1=x86_64_v3"]


def run(argv, env=None):
    """Runs a program that prints JSON lines; returns them, its CPU seconds and its peak memory in MB."""
    p = subprocess.Popen(argv, stdout=subprocess.PIPE, env=env)
    out = p.stdout.read()
    _, status, usage = os.wait4(p.pid, 0)
    if status:
        sys.exit(f"{argv[0]} failed")
    return [json.loads(l) for l in out.splitlines()], usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def solve_forge(forge, channel, requests, cache):
    env = dict(os.environ, FORGE_CACHE=cache)
    argv = [forge, "solve", "-c", channel, "--platform", "linux-64", "--requests", requests]
    rows, _, peak = run(argv + [f"--virtual-package={v}" for v in VIRTUAL], env)
    for r in rows:
        r["records"] = sorted(f"{x['name']} {x['version']} {x['build']}" for x in r["records"])
    return rows, peak


def solve_rattler(python, channel, requests):
    rows, _, peak = run([python, "-c", RATTLER, channel, requests] + VIRTUAL)
    return rows, peak


def lower(a, b):
    rows = [dict(x, cpu_s=min(x["cpu_s"], y["cpu_s"])) for x, y in zip(a[0], b[0])]
    return rows, max(a[1], b[1])


def summary(what, mine, theirs):
    """Prints median, mean and maximum of both and how they relate."""
    if not mine:
        return
    figures = []
    for name, rows in (("forge", mine), ("py-rattler", theirs)):
        cpu = [r["cpu_s"] * 1000 for r in rows]
        figures.append([statistics.median(cpu), statistics.mean(cpu), max(cpu)])
        print(f"{what:10} {name:11} median {figures[-1][0]:7.1f}  mean {figures[-1][1]:7.1f}  max {figures[-1][2]:7.1f} ms CPU")
    print(f"{what:10} ratio       median {figures[0][0]/figures[1][0]:7.2f}  mean {figures[0][1]/figures[1][1]:7.2f}  max {figures[0][2]/figures[1][2]:7.2f}")


def main(forge, channel, requests, python=sys.executable):
    channel = os.path.abspath(channel)
    with tempfile.TemporaryDirectory() as cache:
        solve_forge(forge, channel, requests, cache)
        a = solve_forge(forge, channel, requests, cache)
        b = solve_rattler(python, channel, requests)
        b = lower(b, solve_rattler(python, channel, requests))
        a = lower(a, solve_forge(forge, channel, requests, cache))
    (mine, my_peak), (theirs, their_peak) = a, b
    unsat = [i for i, r in enumerate(mine) if r["verdict"] == "unsat"]
    print(f"{len(mine)} requests, {len(unsat)} without solution")
    summary("all", mine, theirs)
    summary("explained", [mine[i] for i in unsat], [theirs[i] for i in unsat])
    print(f"peak       forge {my_peak:.0f} MB, py-rattler {their_peak:.0f} MB, ratio {my_peak/their_peak:.2f}")
    equal = sum(a["records"] == b["records"] for a, b in zip(mine, theirs))
    print(f"verdicts equal in {sum(a['verdict'] == b['verdict'] for a, b in zip(mine, theirs))} of {len(mine)}, records in {equal}")
    for a, b in zip(mine, theirs):
        if a["verdict"] != b["verdict"]:
            print(f"verdicts differ: {a['verdict']} and {b['verdict']}: {a['request']}")


if __name__ == "__main__":
    main(*sys.argv[1:])
