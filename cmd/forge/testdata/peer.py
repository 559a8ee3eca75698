"""Prints what rattler-build's --render-only says of recipes: one JSON line {recipe, target, rendered}
for each line {recipe, target} of the standard input; rendered is null where it refuses."""
import json, os, sys, tempfile, warnings

warnings.simplefilter("ignore")
import rattler_build


def render(recipe, target, folder):
    sys.stdout.flush()
    saved, out = os.dup(1), tempfile.TemporaryFile()
    os.dup2(out.fileno(), 1)  # it prints on the descriptor
    try:
        rattler_build.build_recipes(
            [recipe], render_only=True, target_platform=target, build_platform="linux-64",
            channel=["file://" + folder], output_dir=folder)
    except Exception:
        pass
    finally:
        os.dup2(saved, 1)
        os.close(saved)
    out.seek(0)
    try:
        return json.load(out)
    except ValueError:
        return None


with tempfile.TemporaryDirectory() as folder:
    for line in sys.stdin:
        ask = json.loads(line)
        print(json.dumps(dict(ask, rendered=render(ask["recipe"], ask["target"], folder))), flush=True)
