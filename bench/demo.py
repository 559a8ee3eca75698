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
    steps = " -> ".join(s["name"] for s in summary["critical_path"] if s["seconds"] > 0.05 * path)
    print(f"  wall {wall:.1f} s; critical path {path:.1f} s ({steps}); CPU {cpu:.1f} s over {processors} processors {share:.1f} s; "
          f"ratio {wall / max(path, share):.2f} (target 1.1)")


if __name__ == "__main__":
    main(*sys.argv[1:])
