# ./configure, make and make install.
input "options" { default = [] }      # for configure
input "make"    { default = [] }      # for make and make install
input "dir"     { default = "." }     # where configure lies

needs = ["make"]

step {
  run = <<-EOT
    cd "${input.dir}"
    prefix=$${LIBRARY_PREFIX:-$PREFIX}
    ./configure --prefix="$prefix" --libdir="$prefix/lib" ${join(" ", input.options)}
    make -j"$CPU_COUNT" ${join(" ", input.make)}
    make install ${join(" ", input.make)}
  EOT
}
