# Build and install Rust programs with Cargo, from the crates of its Cargo.lock, or of one beside the recipe.
input "options" { default = [] }      # for cargo install, such as "--features=cli"
input "dir"     { default = "." }     # where Cargo.toml lies

needs = ["rust"]

step {
  run = <<-EOT
    if [ -f "$RECIPE_DIR/Cargo.lock" ]; then cp "$RECIPE_DIR/Cargo.lock" "${input.dir}/"; fi
    cargo install --offline --locked --no-track --root "$${LIBRARY_PREFIX:-$PREFIX}" --path "${input.dir}" -j "$CPU_COUNT" ${join(" ", input.options)}
  EOT
}

# The program holds these crates, too. With "library_licenses/*" in about.license_file their licences go with it.
step {
  run = <<-EOT
    mkdir -p "$SRC_DIR/library_licenses"
    cargo tree --offline --locked --manifest-path "${input.dir}/Cargo.toml" --all-features --edges normal --prefix none |
      sed -n 's/^\([^ ]*\) v\([^ ]*\).*/\1-\2/p' | sort -u | while read -r crate; do
        for file in "$CARGO_HOME/../vendor/$crate"/LICEN[CS]E* "$CARGO_HOME/../vendor/$crate"/COPYING*; do
          if [ -f "$file" ]; then install -m 644 "$file" "$SRC_DIR/library_licenses/$${crate}_$(basename "$file")"; fi
        done
      done
  EOT
}
