#!/usr/bin/env python3
"""Rendering against its peers and its floor.

    bench/render.py bin/forge WORKER JINJA_WORKER SHARED

WORKER and JINJA_WORKER are the test binaries of ./recipes and ./recipes/internal/expr, SHARED the folder
of corpus and vectors; this interpreter has py-rattler-build and jinja2. All times are CPU seconds of one
warm process, user and system, garbage collection included but where said; peers alternate A B B A and
medians are compared.
"""
import json, os, statistics, subprocess, sys, tempfile

RATTLER = r'''
import json, os, sys, time
from rattler_build import Stage0Recipe, VariantConfig, JinjaConfig, RenderConfig, PlatformConfig
shared = sys.argv[1]
vectors = shared + "/vectors/rattler-build/render/"
def place(name):
    return vectors + "inputs/" + name if name == "emscripten-variant.yaml" else shared + "/corpus/" + name
def cases(group):
    origin, _, target = group.removeprefix("v1:").partition("@")
    for line in open(vectors + origin + ".jsonl"):
        w = json.loads(line)
        if w["ok"] and (not target or w["target"] == target) and not w.get("v3") and not w.get("experimental"):
            yield place(w["recipe"]), [place(f) for f in w["variant_files"]], w["target"], w["build_platform"]
def render(recipe, files, target, build):
    pc = PlatformConfig(target_platform=target, build_platform=build, host_platform=target)
    config = VariantConfig.from_files_with_context(files, JinjaConfig(platform=pc)) if files else VariantConfig()
    return Stage0Recipe.from_file(recipe).render(config, RenderConfig(platform=pc))
def run(all):
    start, outputs, bad = time.process_time(), 0, 0
    for c in all:
        try:
            outputs += len(list(render(*c)))
        except Exception:
            bad += 1
    return {"CPU": time.process_time() - start, "Recipes": len(all), "Outputs": outputs, "Failed": bad}
groups = {}
for line in sys.stdin:
    command, arg = line.split(maxsplit=1)
    arg = arg.strip()
    if command == "file":
        run([(arg, [], "linux-64", "linux-64")])
        answer = run([(arg, [], "linux-64", "linux-64")])
    else:
        if arg not in groups:
            groups[arg] = list(cases(arg))
        answer = run(groups[arg])
    print(json.dumps(answer), flush=True)
'''

JINJA = r'''
import json, os, sys, time, jinja2
folder = sys.argv[1] + "/vectors/jinja/"
class Never(jinja2.Undefined):
    def _any(self, *a, **k): return Never()
    __add__ = __radd__ = __mul__ = __rmul__ = __div__ = __rdiv__ = __truediv__ = __rtruediv__ = __floordiv__ = __rfloordiv__ = _any
    __mod__ = __rmod__ = __pos__ = __neg__ = __call__ = __getitem__ = __lt__ = __le__ = __gt__ = __ge__ = __pow__ = __rpow__ = _any
    __complex__ = __sub__ = __rsub__ = _any
    def __getattr__(self, name):
        if name[:2] == "__":
            raise AttributeError(name)
        return Never(name=(self._undefined_name or "") + "." + name)
    def __int__(self): return 0
    def __float__(self): return 0.0
def echo(name):
    return lambda *a, **k: "|".join([name, *map(str, a)]) + "|" + "|".join(sorted(f"{x}={y}" for x, y in k.items()))
context = json.load(open(folder + "context.json"))
context.update({f: echo(f) for f in ("compiler", "stdlib", "cdt", "pin_subpackage", "pin_compatible", "ccache")})
context.update({f: lambda *a, **k: {"version": "9.9"} for f in ("load_setup_py_data", "load_setuptools", "load_npm", "load_file_data", "load_str_data", "load_file_regex")})
context["resolved_packages"] = lambda *a, **k: ["a 1.0"]
env = jinja2.Environment(undefined=Never, cache_size=0)
names = sorted(os.listdir(folder + "in"))
sources = [open(folder + "in/" + n).read() for n in names]
parsed = [env.from_string(s) for s in sources]
equal = sum(t.render(context) == open(folder + "want/" + n).read() for t, n in zip(parsed, names))
for line in sys.stdin:
    start = time.process_time()
    for s, t in zip(sources, parsed):
        if line.strip() == "new":
            t = env.from_string(s)
        t.render(context)
    print(json.dumps({"cpu": time.process_time() - start, "templates": len(sources), "equal": equal}), flush=True)
'''


class Worker:
    def __init__(self, argv, **kw):
        self.p = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, **kw)

    def ask(self, line):
        self.p.stdin.write(line + "\n")
        self.p.stdin.flush()
        answer = self.p.stdout.readline()
        if not answer.startswith("{") and not answer.startswith("["):
            sys.exit(f"{line}: {answer}{self.p.stdout.read()}")
        return json.loads(answer)

    def close(self):
        self.p.stdin.close()
        self.p.stdout.read()
        self.p.wait()


def line(what, value, target, text=""):
    """One result: what was measured, the figure, its target and whether it is met."""
    verdict = "met" if value <= target else "MISSED"
    print(f"  {what:58} {value:9.4g}  target <= {target:<6g} {verdict:6} {text}", flush=True)


def abba(a, b, rounds=2, warm=True):
    """Calls a b b a so many times, after one of each where they are not warm, and gives the medians of their CPU times."""
    if warm:
        a(), b()
    times = {a: [], b: []}
    for f in (a, b, b, a) * rounds:
        times[f].append(f())
    return statistics.median(times[a]), statistics.median(times[b])


def floors(forge):
    print("rendering against one parse of the file by the library of its language (yaml.v3, for a meta.yaml of its text without")
    print("selectors and templates; hclsyntax for recipe.hcl), per variant, recipe by recipe; the collector rests, as each window is")
    print("shorter than one of its cycles:")
    for group, title in FLOORS:
        rows = forge.ask("floor " + group)
        ratios = sorted(r["Render"] / r["Variants"] / r["Floor"] for r in rows)
        floor = statistics.median(r["Floor"] for r in rows) * 1e6
        line(title + ", median", statistics.median(ratios), 2, f"of {len(ratios)}; the parse takes {floor:.0f} us")
        worst = max(rows, key=lambda r: r["Render"] / r["Variants"] / r["Floor"])["Name"].split("[")[0].strip()
        line(title + ", mean", statistics.mean(ratios), 2,
             f"p95 {ratios[int(len(ratios) * .95)]:.2f}, {sum(x > 2 for x in ratios)} above 2; max {ratios[-1]:.2f}: {worst}")
        if rows[0].get("YAML"):
            print(f"    (against one parse by yaml.v3 of the recipe.yaml it was converted from: {statistics.median(r['Render'] / r['Variants'] / r['YAML'] for r in rows):.2f})")
        render, floor = abba(lambda: forge.ask("runs " + group)["CPU"], lambda: forge.ask("parses " + group)["CPU"])
        variants = sum(r["Floor"] * r["Variants"] for r in rows) / sum(r["Floor"] for r in rows)
        line(title + ", all, with collector", render / (floor * variants), 2, f"{len(rows)} files, {sum(r['Variants'] for r in rows)} variants, {render * 1000:.0f} ms")


FLOORS = [("v1:emscripten-forge@emscripten-wasm32", "recipe.yaml, emscripten-forge"), ("v1:feedstocks", "recipe.yaml, feedstocks"),
          ("v1:rattler-build", "recipe.yaml, small test recipes"), ("v0:feedstocks", "meta.yaml, feedstocks"),
          ("v0:conda-build", "meta.yaml, small test recipes"), ("hcl:", "recipe.hcl, shipped"),
          ("hcl:emscripten-forge@emscripten-wasm32", "recipe.hcl, emscripten-forge"), ("hcl:feedstocks", "recipe.hcl, feedstocks")]


def rattler(forge, peer):
    print("recipe.yaml against rattler-build (py-rattler-build 0.73, API calls in one warm process):")
    for group, title, rounds in (("v1:emscripten-forge@emscripten-wasm32", "emscripten-forge", 2), ("v1:feedstocks", "feedstocks with each CI file", 1)):
        a = forge.ask("run " + group)
        b = peer.ask("run " + group)
        mine, theirs = abba(lambda: forge.ask("run " + group)["CPU"], lambda: peer.ask("run " + group)["CPU"], rounds, warm=False)
        line(title, mine / theirs, 0.1, f"{mine:.3f} s of {theirs:.3f} s; {a['Recipes']} and {b['Recipes'] - b['Failed']} renders, {a['Outputs']} and {b['Outputs']} outputs")


def conda_build(forge):
    print("meta.yaml against conda-build 26.7, which cannot be installed here: its times are those recorded with the vectors:")
    for group, title, peer in (("v0:feedstocks", "281 renders of feedstocks", 970), ("v0:feedstocks@ctng-compilers", "ctng-compilers, one file of variants", 117)):
        runs = [forge.ask("run " + group) for _ in range(3)]
        mine = statistics.median(r["CPU"] for r in runs)
        if peer == 117:
            mine /= runs[0]["Recipes"]
        line(title, mine / peer, 0.01, f"{mine:.3f} s of {peer} s")


def sizes(forge, peer, folder):
    print("big recipes, CPU ms:")
    runs = sorted((forge.ask("run v0:feedstocks@arrow-cpp") for _ in range(5)), key=lambda r: r["CPU"])
    line("arrow-cpp, all variants and platforms", runs[2]["CPU"] * 1000, 100, f"{runs[2]['Recipes']} renders, {runs[2]['Outputs']} outputs")
    for format in ("v0", "v1", "hcl"):
        line(f"a recipe with 223 variants, {NAMES[format]}", forge.ask(f"many {format} 223")["CPU"] * 1000, 100)
    for format in ("v0", "v1", "hcl"):
        r = forge.ask(f"explode {format}")
        line(f"10^6 variants, {NAMES[format]}", r["CPU"] * 1000, 10, "refused: " + r["Says"])
    print("many outputs of one recipe: the cost of one out of 5,000 against that of one out of 100, while the collector rests:")
    for format in ("v0", "v1", "hcl"):
        per = {n: forge.ask(f"scale {format} {n}") for n in (100, 1000, 5000)}
        us = {n: (r["Bare"] / n * 1e6, r["CPU"] / n * 1e6) for n, r in per.items()}
        line(f"5,000 outputs, {NAMES[format]}", us[5000][0] / us[100][0], 1.5,
             "us each, and with collector: " + ", ".join(f"{a:.1f} ({b:.1f}) at {n}" for n, (a, b) in us.items()))
    theirs = {}
    for n in (100, 400):
        path = os.path.join(folder, f"many{n}", "recipe.yaml")
        os.makedirs(os.path.dirname(path))
        with open(path, "w") as f:
            f.write(many_outputs(n))
        theirs[n] = peer.ask("file " + path)["CPU"] / n * 1e6
    print("  (rattler-build: " + ", ".join(f"{us:.0f} us at {n}" for n, us in theirs.items()) + ")")


NAMES = {"v0": "meta.yaml", "v1": "recipe.yaml", "hcl": "recipe.hcl"}


def many_outputs(n):
    """The recipe that the worker scales, for the peer."""
    out = ["context:", '  version: "1.2"', "recipe:", "  version: ${{ version }}", "outputs:"]
    for i in range(n):
        out += ["  - package:", f"      name: many-{i}", "    requirements:", "      build:", "        - ${{ compiler('c') }}",
                "      host:", "        - zlib", "      run:", "        - lib ==${{ version }}"]
        if i:
            out.append(f"        - ${{{{ pin_subpackage('many-{i - 1}', exact=true) }}}}")
    return "\n".join(out) + "\n"


def jinja(worker, shared):
    print("templates against Jinja2, the 114 of the vectors:")
    mine, peer = Worker([worker, "-test.run", "TestBenchWorker"], cwd=os.path.dirname(worker), env=worker_env(shared)), Worker([sys.executable, "-c", JINJA, shared])
    for command, title in (("new", "read and rendered"), ("again", "rendered")):
        a, b = abba(lambda: mine.ask(command)["cpu"], lambda: peer.ask(command)["cpu"])
        line(title, a / b, 1, f"{a * 1000:.2f} ms of {b * 1000:.2f} ms; Jinja2 gives {peer.ask(command)['equal']} of 114 as the vectors have them")
    mine.close(), peer.close()


def process(forge, folder):
    print("the program, CPU ms of a process:")
    path = os.path.join(folder, "tiny", "recipe.yaml")
    os.makedirs(os.path.dirname(path))
    with open(path, "w") as f:
        f.write('package:\n  name: tiny\n  version: "1"\n')
    verbs = {"forge --version": ["--version"], "forge render of a recipe of three lines": ["render", path]}
    times = {title: [] for title in verbs}
    for _ in range(21):
        for title, argv in verbs.items():
            p = subprocess.Popen([forge, *argv], stdout=subprocess.DEVNULL, cwd=os.path.dirname(path))
            _, status, usage = os.wait4(p.pid, 0)
            if status:
                sys.exit(f"{argv} failed")
            times[title].append(usage.ru_utime + usage.ru_stime)
    for title in verbs:
        line(title, statistics.median(times[title]) * 1000, 10, f"best {min(times[title]) * 1000:.1f}")


def worker_env(shared):
    return dict(os.environ, FORGE_BENCH_WORKER="1", FORGE_SHARED=shared)


def main(forge, worker, jinja_worker, shared):
    forge, shared = os.path.abspath(forge), os.path.abspath(shared)
    mine = Worker([worker, "-test.run", "TestBenchWorker", "-test.timeout", "30m"], cwd=os.path.join(os.path.dirname(__file__), "../recipes"), env=worker_env(shared))
    peer = Worker([sys.executable, "-c", RATTLER, shared])
    with tempfile.TemporaryDirectory() as folder:
        floors(mine)
        rattler(mine, peer)
        conda_build(mine)
        sizes(mine, peer, folder)
        jinja(jinja_worker, shared)
        process(forge, folder)
    mine.close(), peer.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
