#!/usr/bin/env python3
"""Build recipes that do next to nothing with forge and with py-rattler-build: CPU time an output.

    bench/builds.py bin/forge [PYTHON]

The recipes are `true`, 1, 10 and 100 times, and a C program of one line. forge's figures are those of whole
processes: solve, sandbox, package, test none, sign twice, state the provenance, index. py-rattler-build's are
without the start of Python and its imports, tests skipped, compression level 15, no sandbox, no signature.
The sandbox alone is bubblewrap's with the same walls around the same shell. The order is A B B A; medians
count. Each build starts without results of earlier ones; forge's store has the host's tools already.
"""
import os, resource, shutil, statistics, subprocess, sys, tempfile

TRUE = 'package: {name: NAME, version: "1"}\nbuild: {script: "true"}\n'
C = '''package: {name: NAME, version: "1"}
build:
  script:
    - echo 'int main(void) { return 0; }' > a.c
    - mkdir -p $PREFIX/bin
    - COMPILER -O2 -o $PREFIX/bin/NAME a.c
'''
FORGE_C = C.replace("COMPILER", "$CC") + "requirements: {build: [\"${{ compiler('c') }}\"]}\n"
PEER_C = C.replace("COMPILER", "gcc")

PEER = r'''
import glob, json, resource, sys, tempfile
from rattler_build import Stage0Recipe, ToolConfiguration
def cpu():
    return sum(r.ru_utime + r.ru_stime for r in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))
files = sorted(glob.glob(sys.argv[1] + "/*/recipe.yaml"))
out = tempfile.mkdtemp(dir=sys.argv[1])
tools = ToolConfiguration(test_strategy="skip")
before = cpu()
for f in files:
    for r in Stage0Recipe.from_file(f).render():
        r.run_build(tool_config=tools, channels=[], output_dir=out, package_format="conda:15")
print(json.dumps(cpu() - before))
'''


def cpu(command, **more):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        sys.exit(f"{command[0]} failed:\n{done.stderr.decode()[-2000:]}")
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, done.stdout.decode()


def recipes(folder, text, n):
    for i in range(n):
        os.makedirs(f"{folder}/p{i}")
        with open(f"{folder}/p{i}/recipe.yaml", "w") as f:
            f.write(text.replace("NAME", f"p{i}"))


def forge_build(forge, work, folder):
    for gone in (f"{work}/output", f"{work}/cache/actions", f"{work}/cache/runs"):
        shutil.rmtree(gone, ignore_errors=True)
    env = dict(os.environ, FORGE_CACHE=f"{work}/cache", FORGE_KEYS=f"{work}/keys")
    return cpu([forge, "build", "-q", f"./{os.path.relpath(folder, work)}/..."], cwd=work, env=env)[0]


def peer_build(python, folder):
    spent = float(cpu([python, "-c", PEER, folder])[1].strip().splitlines()[-1])
    for entry in os.listdir(folder):
        if not entry.startswith("p"):
            shutil.rmtree(f"{folder}/{entry}")
    return spent


def sandbox_alone(n):
    if not shutil.which("bwrap"):
        return None
    walls = ["bwrap", "--unshare-all", "--die-with-parent", "--ro-bind", "/usr", "/usr", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"]
    for link in ("bin", "lib", "lib64"):
        walls += ["--symlink", f"usr/{link}", f"/{link}"]
    # Under a shell that waits for it: bubblewrap's own children count, too.
    return cpu(["sh", "-c", f"for i in $(seq {n}); do \"$@\"; done", "sh"] + walls + ["bash", "-e", "-c", "true"])[0] / n


def main(forge, python=sys.executable):
    forge = os.path.abspath(forge)
    alone = statistics.median(filter(None, (sandbox_alone(20) for _ in range(3)))) if shutil.which("bwrap") else None
    if alone is not None:
        print(f"  bubblewrap around the same shell: {1000 * alone:.1f} ms")
    with tempfile.TemporaryDirectory() as work:
        for name, ours, theirs, n in (("true", TRUE, TRUE, 1), ("true", TRUE, TRUE, 10), ("true", TRUE, TRUE, 100), ("small C", FORGE_C, PEER_C, 10)):
            a, b = f"{work}/a-{name.replace(' ', '-')}-{n}", f"{work}/b-{name.replace(' ', '-')}-{n}"
            recipes(a, ours, n)
            recipes(b, theirs, n)
            forge_build(forge, work, a)  # imports the tools
            x, y = [], []
            for _ in range(2):
                for who in "ABBA":
                    if who == "A":
                        x.append(forge_build(forge, work, a) / n)
                    else:
                        y.append(peer_build(python, b) / n)
            x, y = statistics.median(x), statistics.median(y)
            above = "" if alone is None or name != "true" else f", above bubblewrap {1000 * (x - alone):.1f} (target 10)"
            print(f"  {name} x {n}: forge {1000 * x:.1f} ms CPU an output{above}; py-rattler-build {1000 * y:.1f} ms; ratio {x / y:.2f} (target 0.5)")


if __name__ == "__main__":
    main(*sys.argv[1:])
