"""Prints what rattler-build's --render-only says of recipes: one JSON line {recipe, target, rendered}
for each line {recipe, target, variants} of the standard input, variants being the text of a variants file that
counts before the recipe's own; rendered is null where it refuses."""
import json, os, sys, tempfile, warnings

warnings.simplefilter("ignore")
import rattler_build


def render(recipe, target, variants, folder):
    sys.stdout.flush()
    files = []
    if variants:
        files = [folder + "/first.yaml"]
        with open(files[0], "w") as f:
            f.write(variants)
        own = os.path.join(os.path.dirname(recipe), "variants.yaml")
        files += [own] if os.path.exists(own) else []
    saved, out = os.dup(1), tempfile.TemporaryFile()
    os.dup2(out.fileno(), 1)  # it prints on the descriptor
    try:
        rattler_build.build_recipes(
            [recipe], render_only=True, target_platform=target, build_platform="linux-64",
            channel=["file://" + folder], output_dir=folder, variant_config=files)
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
        print(json.dumps(dict(ask, rendered=render(ask["recipe"], ask["target"], ask["variants"], folder))), flush=True)
