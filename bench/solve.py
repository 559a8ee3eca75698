#!/usr/bin/env python3
"""Solve the same requests with forge and with py-rattler and compare verdicts, records, CPU and memory.

    bench/solve.py bin/forge CHANNEL REQUESTS [PYTHON]

CHANNEL is a folder with linux-64/ and noarch/repodata.json, REQUESTS has one request a line with specs
separated by ';', PYTHON is an interpreter that has py-rattler. For ../shared/universe/spack8 unpack its
*.repodata.json.zst there first; it is a derived universe and results must say so. Both are measured
warm: forge with its index cached, py-rattler in the second of two rounds, lazily loaded.
"""
import json, os, statistics, subprocess, sys, tempfile

RATTLER = r'''
import asyncio, json, resource, sys
from rattler import Channel, ChannelPriority, MatchSpec, SparseRepoData, solve_with_sparse_repodata
def cpu():
    r = resource.getrusage(resource.RUSAGE_SELF)
    return r.ru_utime + r.ru_stime
async def main(folder, requests):
    data = [SparseRepoData(Channel("file://" + folder), s, f"{folder}/{s}/repodata.json") for s in ("linux-64", "noarch")]
    lines = [l.strip() for l in open(requests) if l.strip()]
    for last in (False, True):
        for line in lines:
            t = cpu()
            try:
                got = await solve_with_sparse_repodata([MatchSpec(s) for s in line.split(";")], data, channel_priority=ChannelPriority.Strict)
                row = {"verdict": "sat", "records": sorted(f"{r.name.normalized} {r.version} {r.build}" for r in got)}
            except Exception as e:
                row = {"verdict": "unsat", "records": []}
            row["cpu_s"] = cpu() - t
            if last:
                print(json.dumps(row))
    print("peak", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)
asyncio.run(main(*sys.argv[1:]))
'''


def run(argv, env=None):
    p = subprocess.Popen(argv, stdout=subprocess.PIPE, env=env)
    out = p.stdout.read()
    _, status, usage = os.wait4(p.pid, 0)
    if status:
        sys.exit(f"{argv[0]} failed")
    return [json.loads(l) for l in out.splitlines()], usage.ru_maxrss / 1024


def summary(name, rows, peak):
    cpu = sorted(r["cpu_s"] for r in rows)
    print(f"{name:12} median {statistics.median(cpu)*1000:7.1f}  mean {statistics.mean(cpu)*1000:7.1f}  max {cpu[-1]*1000:7.1f} ms CPU  peak {peak:4.0f} MB")


def main(forge, channel, requests, python=sys.executable):
    channel = os.path.abspath(channel)
    with tempfile.TemporaryDirectory() as cache:
        env = dict(os.environ, FORGE_CACHE=cache)
        argv = [forge, "solve", "-c", channel, "--platform", "linux-64", "--requests", requests]
        run(argv, env)
        mine, my_peak = run(argv, env)
    theirs, their_peak = run([python, "-c", RATTLER, channel, requests])
    for r in mine:
        r["records"] = sorted(f"{x['name']} {x['version']} {x['build']}" for x in r["records"])
    print(f"{len(mine)} requests, {sum(r['verdict'] == 'unsat' for r in mine)} without solution")
    summary("forge", mine, my_peak)
    summary("py-rattler", theirs, their_peak)
    for a, b in zip(mine, theirs):
        if a["verdict"] != b["verdict"]:
            print(f"verdicts differ: {a['verdict']} and {b['verdict']}: {a['request']}")
        elif a["records"] != b["records"]:
            print(f"records differ in {len(set(a['records']) ^ set(b['records']))}: {a['request']}")


if __name__ == "__main__":
    main(*sys.argv[1:])
