# Install a Python project from its sources with pip; python and pip belong into requirements.host.
input "options" { default = [] }
input "dir"     { default = "." }

step {
  run = "\"$PYTHON\" -m pip install \"${input.dir}\" --no-deps --no-build-isolation --no-index -vv ${join(" ", input.options)}"
}
