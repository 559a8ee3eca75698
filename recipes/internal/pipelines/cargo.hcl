# Build and install Rust programs with Cargo, from the crates that came with the source.
input "options" { default = [] }      # for cargo install, such as "--features=cli"
input "dir"     { default = "." }     # where Cargo.toml lies

needs = ["rust"]

step {
  run = "cargo install --offline --locked --no-track --root \"$PREFIX\" --path \"${input.dir}\" -j \"$CPU_COUNT\" ${join(" ", input.options)}"
}
