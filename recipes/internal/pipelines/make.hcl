# make and make install, for projects without a configuration.
input "options" { default = [] }      # for both, such as "CC=$CC"
input "targets" { default = [] }      # of the first make; none for the default one
input "install" { default = ["install"] }
input "dir"     { default = "." }

needs = ["make"]

step {
  run = <<-EOT
    prefix=$${LIBRARY_PREFIX:-$PREFIX}
    make -C "${input.dir}" -j"$CPU_COUNT" PREFIX="$prefix" prefix="$prefix" ${join(" ", concat(input.options, input.targets))}
    make -C "${input.dir}" PREFIX="$prefix" prefix="$prefix" ${join(" ", concat(input.options, input.install))}
  EOT
}
