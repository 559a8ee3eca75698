"""Post-processing of a 650 MB prefix: forge against one read with SHA-256 of the same files, and against
grep, patchelf and sha256sum. CPU seconds (user and system), the runs taking turns, medians.

usage: post.py ENGINE_TEST_BINARY FOLDER
"""
import os, random, shutil, statistics, subprocess, sys, time

SIZE = 650_000_000
ROUNDS = int(os.environ.get("ROUNDS", "4"))
PLACEHOLDER = ("/forge/h_env" + "_placehold" * 26)[:255]


def candidates(roots, wanted):
    for root in roots:
        for folder, dirs, files in sorted(os.walk(root)):
            for name in sorted(files):
                path = os.path.join(folder, name)
                if wanted(name) and os.path.isfile(path) and not os.path.islink(path) and os.access(path, os.R_OK):
                    yield path


def binary(path):
    with open(path, "rb") as f:
        return f.read(4) == b"\x7fELF"


def make(pristine):
    """Shared objects and programs for nine tenths, texts for the rest; every eighth text names the prefix."""
    libraries = (p for p in candidates(["/usr/lib", "/usr/bin"], lambda n: ".so" in n or "." not in n) if binary(p))
    texts = candidates(["/usr/share", "/usr/lib/python3", "/usr/include"], lambda n: n.endswith((".py", ".h", ".pm", ".txt", ".html", ".cmake", ".pc")))
    libraries = [p for p in libraries if os.path.getsize(p) < 48 << 20]  # else a few giants are all of it
    random.Random(1).shuffle(libraries)
    for kind, source, goal in (("lib", libraries, SIZE * 9 // 10), ("share", list(texts), SIZE // 10)):
        done = count = 0
        while source and done < goal:
            for path in source:
                folder = os.path.join(pristine, kind, f"{count // 500:03}")
                os.makedirs(folder, exist_ok=True)
                to = os.path.join(folder, f"{count}-{os.path.basename(path)}")
                shutil.copyfile(path, to)
                os.chmod(to, 0o755 if kind == "lib" else 0o644)
                if kind == "share" and count % 8 == 0:
                    with open(to, "a", errors="surrogateescape") as f:
                        f.write(f"\nprefix={PLACEHOLDER}\n")
                done, count = done + os.path.getsize(to), count + 1
                if done >= goal:
                    break
        print(f"  {kind}: {count} files, {done / 1e6:.0f} MB")


def cpu(argv, env=None):
    before, start = os.times(), time.monotonic()
    done = subprocess.run(argv, env=dict(os.environ, **(env or {})), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    after = os.times()
    return (after.children_user + after.children_system - before.children_user - before.children_system,
            time.monotonic() - start, done)


def main():
    engine, folder = sys.argv[1:]
    pristine, work = os.path.join(folder, "pristine"), os.path.join(folder, "prefix")
    shutil.rmtree(folder, ignore_errors=True)
    make(pristine)

    def fresh():
        shutil.rmtree(work, ignore_errors=True)
        subprocess.run(["cp", "-a", pristine, work], check=True)
        os.sync()

    def go(name):
        def run():
            seconds, wall, done = cpu([engine, "-test.run", "^$", "-test.bench", f"^{name}$", "-test.benchtime", "1x"], {"FORGE_BENCH_PREFIX": work})
            if done.returncode or b"ok" not in done.stdout and b"PASS" not in done.stdout:
                sys.exit(done.stdout.decode())
            return seconds, wall
        return run

    def chain():
        script = 'grep -rlF "$1" "$2" >/dev/null || true; find "$2/lib" -type f -exec patchelf --set-rpath \'$ORIGIN/../lib\' {} + 2>/dev/null || true; find "$2" -type f -exec sha256sum {} + >/dev/null'
        return cpu(["sh", "-c", script, "chain", PLACEHOLDER, work])[:2]

    ways = {"floor": go("BenchmarkPostFloor"), "forge": go("BenchmarkPostProcess"), "with ISA": go("BenchmarkPostProcessISA")}
    if shutil.which("patchelf"):
        ways["chain"] = chain
    spent, walls = {w: [] for w in ways}, {w: [] for w in ways}
    for round in range(ROUNDS):
        for way in list(ways) if round % 2 == 0 else reversed(list(ways)):
            fresh()
            seconds, wall = ways[way]()
            spent[way].append(seconds)
            walls[way].append(wall)
    middle = {w: statistics.median(s) for w, s in spent.items()}
    for way in ways:
        print(f"  {way:9} {middle[way]:6.2f} s of CPU ({min(spent[way]):.2f} to {max(spent[way]):.2f}), {statistics.median(walls[way]):6.2f} s")
    print(f"  throughput by CPU, of one read with SHA-256: {middle['floor'] / middle['forge']:.2f} (target 0.8 or more); the instructions read, too: {middle['floor'] / middle['with ISA']:.2f}")
    if "chain" in middle:
        print(f"  CPU, of grep + patchelf + sha256sum: {middle['forge'] / middle['chain']:.2f} (target 0.4 or less)")
    else:
        print("  grep + patchelf + sha256sum: not run, patchelf is not here")
    shutil.rmtree(folder)


main()
