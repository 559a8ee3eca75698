# Install a Node.js package with what its lock file names: its own, or package-lock.json beside the recipe.
input "options" { default = [] }      # for npm ci
input "dir"     { default = "." }     # where package.json lies

needs = ["nodejs"]

step {
  run = <<-EOT
    cd "${input.dir}"
    if [ -f "$RECIPE_DIR/package-lock.json" ]; then cp "$RECIPE_DIR/package-lock.json" npm-shrinkwrap.json; fi
    folder=$PREFIX/lib/node_modules/$(node -p 'require("./package.json").name')
    mkdir -p "$folder" "$PREFIX/bin"
    tar -xzf "$(npm pack --silent --ignore-scripts)" --strip-components=1 -C "$folder"
    if [ -f npm-shrinkwrap.json ]; then
      cp npm-shrinkwrap.json "$folder/"
      (cd "$folder" && npm ci --omit=dev --offline --ignore-scripts --no-audit --no-fund ${join(" ", input.options)})
    fi
    # What is needed must be there, and the programs get their links.
    cd "$folder"
    node -e '
      const fs = require("fs"), path = require("path"), p = require("./package.json");
      const missing = Object.keys(p.dependencies || {}).filter(name => !fs.existsSync("node_modules/" + name));
      if (missing.length) {
        console.error(p.name + " needs " + missing.join(", ") + ": it has no lock file of its own, so one must lie beside the recipe, package-lock.json:");
        console.error("  npm pack " + p.name + "@" + p.version + " && tar -xzf *.tgz && cd package && npm install --package-lock-only --ignore-scripts");
        process.exit(1);
      }
      const bin = typeof p.bin === "string" ? { [p.name.replace(/.*\//, "")]: p.bin } : p.bin || {};
      for (const name in bin) {
        fs.chmodSync(bin[name], 0o755);
        fs.symlinkSync(path.relative(process.env.PREFIX + "/bin", path.resolve(bin[name])), process.env.PREFIX + "/bin/" + path.basename(name));
      }'
  EOT
}
