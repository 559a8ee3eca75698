#!/usr/bin/env python3
"""Plan thousands of recipes: CPU time and peak memory of forge plan, from the files to the printed plan.

    bench/scale.py bin/forge GRAPH.json

GRAPH.json is the build graph of the derived universe (universe/spack8). For 10,000 recipes the first ones of
it are there twice, under other names. Medians of three.
"""
import json, os, resource, statistics, subprocess, sys, tempfile


def usage(command, cwd, env):
    out = tempfile.TemporaryFile()
    child = subprocess.Popen(command, cwd=cwd, env=env, stdout=out, stderr=subprocess.STDOUT)
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    out.seek(0)
    text = out.read().decode()
    if child.returncode != 0:
        sys.exit(f"{' '.join(command)} failed:\n{text[-2000:]}")
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, text


def spack(path):
    with open(path) as f:
        graph = json.load(f)
    known = lambda names: [n for n in names if n in graph]
    return {n: (str(v.get("version", "1")).replace("-", "_"), known(v["build"]), known(v["link"]), known(v.get("run", []))) for n, v in graph.items()}


def enlarged(nodes, count):
    twice = list(nodes)[: count - len(nodes)]
    return nodes | {n + "-again": nodes[n] for n in twice}


def main(forge, graph):
    forge = os.path.abspath(forge)
    real = spack(graph)
    for name, nodes in ("derived universe", real), ("enlarged", enlarged(real, 10_000)):
        with tempfile.TemporaryDirectory() as work:
            for package, (version, build, host, run) in nodes.items():
                folder = f"{work}/r/{package}"
                os.makedirs(folder)
                with open(folder + "/recipe.yaml", "w") as f:
                    f.write(f'package: {{name: {package}, version: "{version}"}}\nbuild: {{script: "true"}}\nrequirements:\n  build: {json.dumps(build)}\n'
                            f'  host: {json.dumps(host)}\n  run: {json.dumps(run)}\n  run_exports: [{package}]\ntests:\n  - script: "true"\n')
            env = dict(os.environ, FORGE_CACHE=f"{work}/.cache", FORGE_KEYS=f"{work}/.keys")
            runs = [usage([forge, "plan", "-q", "./r/..."], work, env) for _ in range(3)]
            if f"{len(nodes)} of {len(nodes)} to build" not in runs[0][2]:
                sys.exit("the plan lacks something:\n" + runs[0][2][-500:])
            cpu, peak = (statistics.median(r[i] for r in runs) for i in (0, 1))
            print(f"  {name}, {len(nodes)} recipes: {cpu:.1f} s CPU, peak {peak:.0f} MB (target 500)")


if __name__ == "__main__":
    main(*sys.argv[1:])
