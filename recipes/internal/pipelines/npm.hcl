# Install a Node.js package with what its lock file names: its own, or package-lock.json beside the recipe.
input "options" { default = [] }      # for npm ci
input "dir"     { default = "." }     # where package.json lies

needs = ["nodejs"]

step {
  run = <<-EOT
    cd "${input.dir}"
    # What came with the source is read-only, and npm writes into its cache while it reads there.
    if [ -n "$npm_config_cache" ]; then
      mine=$(mktemp -d)
      cp -R "$npm_config_cache/." "$mine/"
      export npm_config_cache=$mine
    fi
    if [ -f "$RECIPE_DIR/package-lock.json" ]; then cp "$RECIPE_DIR/package-lock.json" npm-shrinkwrap.json; fi
    folder=$PREFIX/lib/node_modules/$(node -p 'require("./package.json").name')
    mkdir -p "$folder" "$PREFIX/bin"
    archive=$(npm pack --silent --ignore-scripts)
    tar -xzf "$archive" --strip-components=1 -C "$folder"
    if [ -f npm-shrinkwrap.json ]; then
      # Where a lock file does not say whence, npm would ask a registry; all it needs is the hash.
      node -e '
        const lock = JSON.parse(fs.readFileSync("npm-shrinkwrap.json"));
        for (const [at, p] of Object.entries(lock.packages || {}))
          if (p.integrity && !p.resolved) p.resolved = "https://npm.invalid/" + at + ".tgz";
        fs.writeFileSync(process.argv[1] + "/npm-shrinkwrap.json", JSON.stringify(lock, null, 2));' "$folder"
      (cd "$folder" && npm ci --omit=dev --offline --ignore-scripts --no-audit --no-fund ${join(" ", input.options)})
    fi
    cd "$folder"
    missing=$(node -p 'Object.keys(require("./package.json").dependencies || {}).filter(name => !fs.existsSync("node_modules/" + name)).join(" ")')
    if [ -n "$missing" ]; then
      echo "it needs $missing; what it needs must be in a lock file, package-lock.json beside the recipe, which this makes:" >&2
      echo "  npm pack $(node -p 'const p = require("./package.json"); p.name + "@" + p.version') && tar -xzf ./*.tgz && cd package && npm install --package-lock-only --ignore-scripts" >&2
      exit 1
    fi
  EOT
}

# The programs get their links.
step {
  run = <<-EOT
    cd "$PREFIX/lib/node_modules/$(node -p 'require(path.resolve("${input.dir}") + "/package.json").name')"
    node -e '
      const p = require("./package.json"), to = process.env.PREFIX + "/bin/";
      const bin = typeof p.bin === "string" ? { [p.name.replace(/.*\//, "")]: p.bin } : p.bin || {};
      for (const name in bin) {
        fs.chmodSync(bin[name], 0o755);
        fs.symlinkSync(path.relative(to, path.resolve(bin[name])), to + path.basename(name));
      }'
  EOT
}
