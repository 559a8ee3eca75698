# Build Go programs into the prefix's bin, without paths of this machine in them.
input "packages" { default = ["."] }
input "options"  { default = [] }     # for go build, such as "-tags=netgo"
input "ldflags"  { default = "-s -w" }
input "dir"      { default = "." }

needs = ["go"]

step {
  run = <<-EOT
    cd "${input.dir}"
    bin="$${LIBRARY_PREFIX:-$PREFIX}/bin"
    mkdir -p "$bin"
    go build -trimpath -buildvcs=false -ldflags "-buildid= ${input.ldflags}" ${join(" ", input.options)} -o "$bin/" ${join(" ", input.packages)}
  EOT
}

# The programs hold these modules, too. With "library_licenses/*" in about.license_file their licences go with them.
step {
  run = <<-EOT
    mkdir -p "$SRC_DIR/library_licenses"
    cd "${input.dir}"
    go list -deps -f '{{with .Module}}{{if not .Main}}{{.Path}} {{.Dir}}{{end}}{{end}}' ${join(" ", input.options)} ${join(" ", input.packages)} |
      sort -u | while read -r module folder; do
        for file in "$folder"/LICEN[CS]E* "$folder"/COPYING*; do
          if [ -f "$file" ]; then install -m 644 "$file" "$SRC_DIR/library_licenses/$(echo "$module" | tr / _)_$(basename "$file")"; fi
        done
      done
  EOT
}
