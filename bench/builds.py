#!/usr/bin/env python3
"""Build recipes that do next to nothing with forge and with py-rattler-build: CPU time an output.

    bench/builds.py bin/forge [PYTHON]

The recipes are `true`, 1, 10 and 100 times, and a C program of one line. forge's figures are those of whole
processes, their start and end with them: solve, sandbox, package, test none, sign twice, state the provenance,
index. py-rattler-build's are without the start of Python and its imports, tests skipped, compression level 15, no
sandbox, no signature.

Floors are measured in the same run: bubblewrap with the same walls around a shell that runs `true`, and around a
shell that runs the compiler, and that shell without any walls. No builder that runs the compiler can be below the
last, whatever the peer takes, and none with a sandbox below the second: their own ratios are printed below the
line. One output alone pays for the start of the program, too, which is printed.

The order is A B B A; medians count. Each build starts without results and packages of earlier ones; these are
moved aside and not removed, for on ext4 without a journal each new file costs more the more were removed in the last
minute. Forge's store has the host's tools already.
"""
import ctypes, os, resource, shutil, statistics, subprocess, sys, tempfile, time

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


def aside(path, work):
    if os.path.exists(path):
        os.makedirs(f"{work}/aside", exist_ok=True)
        os.rename(path, f"{work}/aside/{time.monotonic_ns()}")


def forge_build(forge, work, folder):
    for gone in ("output", "cache/actions"):
        aside(f"{work}/{gone}", work)
    env = dict(os.environ, FORGE_CACHE=f"{work}/cache", FORGE_KEYS=f"{work}/keys")
    return cpu([forge, "build", "-q", f"./{os.path.relpath(folder, work)}/..."], cwd=work, env=env)[0]


def peer_build(python, folder, work):
    spent = float(cpu([python, "-c", PEER, folder])[1].strip().splitlines()[-1])
    for entry in os.listdir(folder):
        if not entry.startswith("p"):
            aside(f"{folder}/{entry}", work)
    return spent


def shell_alone(script, n=10):
    """The CPU time of a shell that runs the script, without any walls."""
    with tempfile.TemporaryDirectory() as folder:
        return sum(cpu(["bash", "-e", "-c", script], cwd=folder)[0] for _ in range(n)) / n


def sandbox_alone(script, n=10):
    """Bubblewrap's CPU time around a shell that runs the script; None where it is not installed."""
    if not shutil.which("bwrap"):
        return None
    walls = ["bwrap", "--unshare-all", "--die-with-parent", "--ro-bind", "/usr", "/usr", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--chdir", "/tmp"]
    for link in ("bin", "lib", "lib64"):
        walls += ["--symlink", f"usr/{link}", f"/{link}"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    for _ in range(n):
        cpu(walls + ["bash", "-e", "-c", script])
        adopted()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / n


def adopted():
    """Waits for processes whose parents did not: bubblewrap ends without waiting for the shell, whose time is
    nobody's then."""
    while True:
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


CASES = (
    ("true", 1, TRUE, TRUE, "true"),
    ("true", 10, TRUE, TRUE, "true"),
    ("true", 100, TRUE, TRUE, "true"),
    ("small C", 10, FORGE_C, PEER_C, "echo 'int main(void) { return 0; }' > a.c; mkdir -p bin; gcc -O2 -o bin/p a.c"),
)


def main(forge, python=sys.executable):
    forge = os.path.abspath(forge)
    PR_SET_CHILD_SUBREAPER = 36  # prctl(2)
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    print("  CPU ms an output        forge   bubblewrap alone   above it   py-rattler-build   ratio (target 0.5)")
    with tempfile.TemporaryDirectory() as work:
        for name, n, ours, theirs, script in CASES:
            a, b = f"{work}/a-{name.replace(' ', '-')}-{n}", f"{work}/b-{name.replace(' ', '-')}-{n}"
            recipes(a, ours, n)
            recipes(b, theirs, n)
            forge_build(forge, work, a)  # imports the tools
            x, y, floor, bare = [], [], [], []
            for _ in range(4 if n < 100 else 2):
                for who in "ABBA":
                    if who == "A":
                        x.append(forge_build(forge, work, a) / n)
                    else:
                        y.append(peer_build(python, b, work) / n)
                floor.append(sandbox_alone(script))
                bare.append(shell_alone(script))
            x, y = statistics.median(x), statistics.median(y)
            known = [f for f in floor if f is not None]
            alone = statistics.median(known) if known else None
            low, above = ("?", "?") if alone is None else (f"{1000 * alone:.1f}", f"{1000 * (x - alone):.1f}")
            note = "" if name != "true" else "  (above it: target 10)"
            print(f"  {name + ' x ' + str(n):20} {1000 * x:8.1f} {low:>18} {above:>10} {1000 * y:18.1f} {x / y:7.2f}{note}", flush=True)
            if n == 1:
                start = statistics.median(cpu([forge, "--version"])[0] for _ in range(20))
                print(f"    of which the start of the program {1000 * start:.1f} ms", flush=True)
            if name != "true":
                bare = statistics.median(bare)
                print(f"    floors: the compiler alone {1000 * bare:.1f} ms, {bare / y:.2f} of py-rattler-build"
                      + (f"; in bubblewrap {1000 * alone:.1f} ms, {alone / y:.2f}" if alone is not None else ""), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
