"""usage: peer.py conda-build|rattler-build RECIPE CHANNEL OUTPUT: builds the recipe in the folder RECIPE with the
channel in the folder CHANNEL and leaves the packages below the folder OUTPUT; exits 1 where that fails."""
import os, sys, tempfile, time, warnings

warnings.simplefilter("ignore")
tool, recipe, channel, output = sys.argv[1], *map(os.path.abspath, sys.argv[2:])
channel = "file://" + channel


def variants(name):
    file = os.path.join(recipe, name)
    return [file] if os.path.exists(file) else []


def conda_build(work):
    sleep = time.sleep
    time.sleep = lambda s: sleep(min(s, 0.02))  # it looks at its children every other second
    os.environ.update(HOME=work, CONDARC=work + "/condarc", CONDA_PKGS_DIRS=work + "/pkgs", CONDA_OFFLINE="true",
                      CONDA_SOLVER="classic", CONDA_DEFAULT_CHANNELS=channel, CONDA_REGISTER_ENVS="false",
                      CONDA_ADD_PIP_AS_PYTHON_DEPENDENCY="false")
    from conda_build import api

    config = api.get_or_merge_config(
        None, croot=work + "/croot", channel_urls=[channel], override_channels=True, activate=False,
        anaconda_upload=False, conda_pkg_format="2", prefix_length=120, output_folder=output,
        variant_config_files=variants("conda_build_config.yaml"))
    api.build([recipe], config=config)


def rattler_build(work):
    import rattler_build

    rattler_build.build_recipes(
        [recipe + "/recipe.yaml"], channel=[channel], output_dir=output, variant_config=variants("variants.yaml"), test="native",
        package_format="conda:1", no_include_recipe=True)


with tempfile.TemporaryDirectory(dir=os.path.dirname(output)) as work:
    try:
        {"conda-build": conda_build, "rattler-build": rattler_build}[tool](work)
    except (Exception, SystemExit) as e:
        sys.exit(f"{type(e).__name__}: {e}")
