#!/usr/bin/env python3
"""Build the shipped recipes from nothing and say how far the run was from the best this machine allows.

    bench/demo.py bin/forge RECIPES

No run can be shorter than its critical path, nor than its CPU time over the processors it may use; what is
printed is wall time over the larger of the two (target 1.1). It takes minutes, and means something on an
otherwise idle machine only.
"""
import json, os, resource, subprocess, sys, tempfile, time


def main(forge, recipes):
    forge, recipes = os.path.abspath(forge), os.path.abspath(recipes)
    processors = len(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory() as work:
        env = dict(os.environ, FORGE_CACHE=f"{work}/cache", FORGE_KEYS=f"{work}/keys")
        # The sources are fetched and the host's tools imported first: the network is not what is measured.
        subprocess.run([forge, "fetch", "-q", recipes + "/..."], cwd=work, env=env, check=True, stdout=subprocess.DEVNULL)
        before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        out = subprocess.run([forge, "build", "-q", "--json", recipes + "/..."], cwd=work, env=env, check=True, stdout=subprocess.PIPE).stdout
        wall, after = time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    summary = json.loads(out)["summary"]
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    path, share = summary["critical_path_seconds"], cpu / processors
    steps = " -> ".join(f"{s['name']} {s['seconds']:.1f}" for s in summary["critical_path"] if s["seconds"] > 0.02 * path)
    print(f"  wall           {wall:7.1f} s, of it {wall - summary['seconds']:.1f} s before the first and after the last package")
    print(f"  critical path  {path:7.1f} s: {steps}")
    print(f"  CPU            {cpu:7.1f} s over {processors} processors: {share:.1f} s")
    print(f"  ratio          {wall / max(path, share):7.2f} of wall to the larger of the two (target 1.1)")


if __name__ == "__main__":
    main(*sys.argv[1:])
