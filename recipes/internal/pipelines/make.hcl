# make and make install, for projects without a configuration.
input "options" { default = [] }      # for both, such as "CC=$CC"
input "targets" { default = [] }      # of the first make; none for the default one
input "install" { default = ["install"] }
input "dir"     { default = "." }

needs = ["make"]

step {
  run = <<-EOT
    make -C "${input.dir}" -j"$CPU_COUNT" PREFIX="$PREFIX" prefix="$PREFIX" ${join(" ", concat(input.options, input.targets))}
    make -C "${input.dir}" PREFIX="$PREFIX" prefix="$PREFIX" ${join(" ", concat(input.options, input.install))}
  EOT
}
