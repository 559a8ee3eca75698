# Install a Node.js package with npm, from the packages that came with the source.
input "options" { default = [] }      # for npm install
input "dir"     { default = "." }     # where package.json lies

needs = ["nodejs"]

step {
  run = <<-EOT
    cd "${input.dir}"
    npm install --global --offline --ignore-scripts --no-audit --no-fund --prefix "$PREFIX" ${join(" ", input.options)} "./$(npm pack --silent --ignore-scripts)"
  EOT
}
